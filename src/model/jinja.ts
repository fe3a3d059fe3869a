/**
 * Renders chat templates within limits. A template comes with a downloaded model and is a program: without limits
 * `range(10**9)`, nested loops, doubling strings or lists that contain themselves twice exhaust time and memory.
 *
 * The interpreter is @huggingface/jinja's; it calls `evaluate` for every node, and this subclass counts there. Limits
 * are counts rather than seconds, so that a template renders the same on every machine.
 */
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';

/** Evaluated nodes plus work on long values: about half a second. A conversation of 100 messages takes some 10,000. */
const MAX_STEPS = 1_000_000;
/** Characters of a string, or of a list or mapping with all its contents. The longest contexts have fewer. */
const MAX_SIZE = 2 ** 21;
/** Elements of a list. */
const MAX_ELEMENTS = 50_000;
/** Characters of all strings that one rendering makes; bounds its memory. */
const MAX_MADE = 2 ** 25;
/** Characters of a template. */
const MAX_SOURCE = 2 ** 20;

interface Node {
  type: string;
}
interface Value {
  type: string;
  value: unknown;
}
interface Scope {
  parent?: Scope;
  set(name: string, value: unknown): Value;
}
type Call = (args: Value[], scope: Scope) => Value;

/** The package's own declarations do not resolve under NodeNext: their imports lack extensions. */
const Base = Interpreter as unknown as new (scope: Scope) => {
  run(program: Node): Value;
  evaluate(node: Node | undefined, scope: Scope): Value;
};

/** @throws Error that says what is wrong with the template */
export function compileTemplate(source: string): { render(items: Record<string, unknown>): string } {
  if (source.length > MAX_SOURCE) throw new Error(`it is longer than ${MAX_SOURCE} characters`);
  const program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  return {
    render(items) {
      const scope = new Environment() as Scope;
      for (const [name, value] of Object.entries({ ...globals, ...items })) scope.set(name, value);
      return String(new BoundedInterpreter(scope).run(program as Node).value);
    },
  };
}

/** Set up as in @huggingface/jinja, which does not export them. */
const globals = {
  ...{ true: true, false: false, none: null, True: true, False: false, None: null },
  raise_exception(message: unknown) {
    throw new Error(String(message));
  },
  range(start: number, stop?: number, step = 1): number[] {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    if (step === 0) throw new Error('range() step must not be zero');
    const count = Math.max(0, Math.ceil((to - from) / step));
    if (!(count <= MAX_ELEMENTS)) throw new Error(`range() of ${count} numbers: at most ${MAX_ELEMENTS} are supported`);
    return Array.from({ length: count }, (_, i) => from + i * step);
  },
  strftime_now(format: string): string {
    const now = new Date();
    const two = (value: number) => String(value).padStart(2, '0');
    const parts: Record<string, () => string> = {
      '%Y': () => String(now.getFullYear()),
      '%m': () => two(now.getMonth() + 1),
      '%d': () => two(now.getDate()),
      '%b': () => now.toLocaleString(undefined, { month: 'short' }),
      '%B': () => now.toLocaleString(undefined, { month: 'long' }),
      '%H': () => two(now.getHours()),
      '%M': () => two(now.getMinutes()),
      '%%': () => '%',
    };
    return format.replace(/%[YmdbBHM%]/g, (part) => parts[part]());
  },
};

/** A value computed earlier, which replaces its expression. */
interface Constant {
  type: 'Constant';
  value: Value;
}

const constant = (value: Value): Constant => ({ type: 'Constant', value });

/** Nodes that return an existing value, which is not counted as made. */
const passing = new Set(['Identifier', 'MemberExpression', 'Ternary', 'StringLiteral', 'SelectExpression']);

class BoundedInterpreter extends Base {
  private steps = 0;
  private made = 0;
  private readonly weights = new WeakMap<object, { size: number; depth: number }>();
  /** Expressions that loops iterate over. */
  private readonly iterables = new WeakSet<object>();
  /** The last value of each expression, if it was a string. */
  private readonly lastStrings = new WeakMap<object, string>();

  override evaluate(node: Node | undefined, scope: Scope): Value {
    if (node?.type === 'Constant') return (node as unknown as Constant).value;
    this.spend(1);
    let value = super.evaluate(node === undefined ? node : this.prepare(node, scope), scope);
    if (node === undefined) return value;
    if (node.type === 'Identifier') this.spend(lookupCost(value, scope));
    else if (node.type === 'MemberExpression') value = this.boundMethod(node, value);
    this.account(node, value);
    return value;
  }

  private spend(steps: number): void {
    this.steps += steps;
    if (this.steps > MAX_STEPS)
      throw new Error(`it takes more than ${MAX_STEPS} steps; a loop in it does not end soon enough`);
  }

  private make(characters: number): void {
    this.made += characters;
    if (characters > MAX_SIZE) throw tooLong();
    if (this.made > MAX_MADE) throw new Error(`it makes more than ${MAX_MADE} characters of text`);
  }

  /**
   * Evaluates the operands of operations that can multiply sizes, so that the size of a result is checked before it is
   * made.
   */
  private prepare(node: Node, scope: Scope): Node {
    const fields = node as Node & Record<string, unknown>;
    switch (node.type) {
      case 'For': {
        const iterable = fields.iterable as Node & { lhs?: Node };
        this.iterables.add(iterable.type === 'SelectExpression' ? (iterable.lhs as Node) : iterable);
        return node;
      }
      case 'BinaryExpression': {
        const { value: operator } = fields.operator as { value: string };
        if (!['~', '+', '==', '!='].includes(operator)) return node;
        const sides = { left: fields.left as Node, right: fields.right as Node };
        const values = [this.evaluate(sides.left, scope), this.evaluate(sides.right, scope)];
        // These operators turn a list into text, with all its contents.
        for (const value of values) if (Array.isArray(value.value)) this.spend(Math.floor(this.weigh(value).size / 8));
        return { ...fields, left: constant(values[0]), right: constant(values[1]) } as Node;
      }
      case 'FilterExpression': {
        const operand = this.evaluate(fields.operand as Node, scope);
        return {
          ...fields,
          operand: constant(operand),
          filter: this.boundFilter(operand, fields.filter as Node, scope),
        } as Node;
      }
      case 'FilterStatement': {
        const rendered = super.evaluate({ type: 'Program', body: fields.body } as unknown as Node, scope);
        const filter = this.boundFilter(rendered, fields.filter as Node, scope);
        return { type: 'FilterExpression', operand: constant(rendered), filter } as unknown as Node;
      }
      default:
        return node;
    }
  }

  /** @returns the filter with its arguments evaluated, if they determine the size of its result */
  private boundFilter(operand: Value, filter: Node, scope: Scope): Node {
    const call = filter as Node & { value?: string; callee?: { value?: string }; args?: Node[] };
    const name = call.value ?? call.callee?.value ?? '';
    const { size, depth } = this.weigh(operand);
    this.spend(Math.ceil(size / 256));
    if (name === 'sort' || name === 'dictsort') this.spend(Math.ceil((size * Math.log2(size + 2)) / 64));
    if (!['join', 'indent', 'replace', 'tojson'].includes(name) || call.args === undefined) return filter;
    const args = call.args.map((argument) => this.evaluated(argument, scope));
    const given = args.map(({ value }) => value);
    const text = typeof operand.value === 'string' ? operand.value : '';
    const strings = given.map((value) => value?.value).filter((value) => typeof value === 'string');
    const numbers = given.map((value) => value?.value).filter((value) => typeof value === 'number');
    const longest = strings.reduce((most, { length }) => Math.max(most, length), 0);
    if (name === 'join') this.make(size + lengthOf(operand) * longest);
    else if (name === 'indent') this.make(size + (occurrences(text, '\n') + 1) * Math.max(0, ...numbers));
    else if (name === 'replace') this.make(size + (occurrences(text, strings[0] ?? '') || 0) * longest);
    else this.make(size * (1 + depth * Math.max(0, ...numbers)) + size * longest);
    return { ...call, args: args.map(({ node: evaluated }) => evaluated) } as Node;
  }

  /** An argument of a call: its value, and a node in which the value replaces the expression. */
  private evaluated(argument: Node, scope: Scope): { value: Value; node: Node } {
    if (argument.type === 'SpreadExpression' || argument.type === 'KeywordSpreadExpression')
      throw new Error('* and ** are not supported in the arguments of this filter');
    if (argument.type !== 'KeywordArgumentExpression') {
      const value = this.evaluate(argument, scope);
      return { value, node: constant(value) };
    }
    const value = this.evaluate((argument as Node & { value: Node }).value, scope);
    const node: Node & { value: Node } = { ...argument, value: constant(value) };
    return { value, node };
  }

  /** Checks the string methods whose result may be much larger than their inputs. */
  private boundMethod(node: Node, method: Value): Value {
    if (method.type !== 'FunctionValue') return method;
    const { object, property, computed } = node as Node & {
      object: Node;
      property: { value?: unknown };
      computed: boolean;
    };
    const text = this.lastStrings.get(object);
    if (text === undefined) return method;
    if (computed) throw new Error('a method of a text cannot be looked up by a computed name');
    const name = property.value;
    if (name !== 'replace' && name !== 'split') return method;
    const FunctionValue = method.constructor as new (call: Call) => Value;
    return new FunctionValue((args, scope) => {
      const strings = args.map(({ value }) => value).filter((value) => typeof value === 'string');
      if (name === 'replace') this.make(text.length + occurrences(text, strings[0] ?? '') * (strings[1]?.length ?? 0));
      else if (pieces(text, strings[0]) > MAX_ELEMENTS)
        throw new Error(`split() gives more than ${MAX_ELEMENTS} pieces`);
      return (method.value as Call)(args, scope);
    });
  }

  private account(node: Node, value: Value): void {
    const { size } = this.weigh(value);
    if (typeof value.value === 'string') this.lastStrings.set(node, value.value);
    else this.lastStrings.delete(node);
    const slices = (node as Node & { property?: Node }).property?.type === 'SliceExpression';
    if (passing.has(node.type) && !slices)
      return this.spend(Math.floor(typeof value.value === 'string' ? size / 1024 : lengthOf(value) / 16));
    if (typeof value.value === 'string') {
      // The sum of two strings refers to both and copies them later, if at all.
      const copied = node.type !== 'BinaryExpression';
      this.make(copied ? size : size / 8);
      this.spend(Math.floor(size / (copied ? 16 : 1024)));
    } else this.spend(Math.floor(size / 8));
    // Each iteration of a loop makes a scope and its `loop` variable.
    if (this.iterables.has(node)) this.spend(20 * lengthOf(value));
  }

  /**
   * Characters and elements of a value with all its contents, counting repeated ones each time, and its nesting depth.
   */
  private weigh(value: Value): { size: number; depth: number } {
    if (typeof value.value === 'string') {
      if (value.value.length > MAX_SIZE) throw tooLong();
      return { size: value.value.length, depth: 0 };
    }
    const held = heldBy(value);
    if (held === null) return { size: 1, depth: 0 };
    // A namespace is mutable, so its contents are weighed each time.
    const known = value.type === 'NamespaceValue' ? undefined : this.weights.get(value);
    if (known !== undefined) return known;
    const weight = { size: 1, depth: 1 };
    let elements = 0;
    for (const inner of held) {
      if (inner.type === 'NamespaceValue') throw new Error('a namespace cannot be held by another value');
      const { size, depth } = this.weigh(inner);
      weight.size += size + 1;
      weight.depth = Math.max(weight.depth, depth + 1);
      if (weight.size > MAX_SIZE) throw tooLong();
      if (++elements > MAX_ELEMENTS) throw new Error(`a list in it has more than ${MAX_ELEMENTS} elements`);
    }
    if (value.type !== 'NamespaceValue') this.weights.set(value, weight);
    return weight;
  }
}

const tooLong = () => new Error(`a text or list in it is longer than ${MAX_SIZE} characters`);

/** The values inside a list, mapping or namespace; null for anything else. */
function heldBy({ value }: Value): Iterable<Value> | null {
  if (Array.isArray(value)) return value as Value[];
  return value instanceof Map ? (value as Map<string, Value>).values() : null;
}

function lengthOf({ value }: Value): number {
  if (Array.isArray(value) || typeof value === 'string') return value.length;
  return value instanceof Map ? value.size : 1;
}

/** Scopes are searched one by one, and a name that is not found costs an internal exception. */
function lookupCost(value: Value, scope: Scope): number {
  let scopes = 0;
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) scopes++;
  return Math.floor(scopes / 8) + (value.type === 'UndefinedValue' ? 40 : 0);
}

/** Counts non-overlapping occurrences; the empty string occurs before each character and at the end. */
function occurrences(text: string, wanted: string): number {
  if (wanted === '') return text.length + 1;
  let count = 0;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) count++;
  return count;
}

/** Counts the parts of a text between separators, or between white space if no separator is given. */
function pieces(text: string, separator: string | undefined): number {
  return separator === undefined ? (text.match(/\s+/g)?.length ?? 0) + 1 : occurrences(text, separator) + 1;
}
