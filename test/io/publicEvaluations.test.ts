/** Judgments of AlpacaEval and Arena-Hard: against their own programs, and judgments of other answers. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { winRates } from '../../src/core/winRate.js';
import { parseQuestions, readAnnotations, readDifficulties, readJudgments } from '../../src/io/publicEvaluations.js';
import { goldenFolder } from '../golden.js';

let home = '';
beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), 'brevity-public-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
const file = (name: string, content: unknown): string => {
  const target = path.join(home, name);
  const text =
    Array.isArray(content) && name.endsWith('l') ? content.map((row) => JSON.stringify(row)).join('\n') : null;
  writeFileSync(target, text ?? (typeof content === 'string' ? content : JSON.stringify(content)));
  return target;
};
const alpaca = (name: string): string => `${goldenFolder}alpaca-eval/${name}`;
const arena = (name: string): string => `${goldenFolder}arena-hard/${name}`;

describe('parseQuestions', () => {
  it('reads every form', () => {
    const read = (text: string) => parseQuestions(text, 'f')[0];
    expect(read('{"prompt":"a"}\n')).toMatchObject({ prompt: 'a', where: 'f:1' });
    expect(read('{"prompt_ids":[1,2]}')).toMatchObject({ prompt_ids: [1, 2] });
    expect(read('[{"dataset":"koala","instruction":"a","output":"b","generator":"g"}]')).toMatchObject({
      prompt: 'a',
      dataset: 'koala',
      where: 'f, entry 1',
    });
    expect(read('{"uid":"u","category":"hard_prompt","prompt":"a"}')).toMatchObject({ prompt: 'a', uid: 'u' });
    expect(read('{"question_id":81,"turns":["a","b"]}')).toMatchObject({ prompt: 'a', turns: ['a', 'b'] });
  });

  it.each([
    ['', 'f is empty'],
    ['[]', 'f is empty'],
    ['[{"instruction":"a"}', 'f is not JSON'],
    ['{"prompt":"a"}\n{"x":1}', 'f:2: expected "prompt"'],
    ['[{"instruction":""}]', 'f, entry 1: `prompt`: the prompt is empty'],
    ['{"question_id":1,"turns":["a"," "]}', 'f:1: turn 2 is empty'],
    ['{"question_id":1,"turns":[]}', 'f:1: `turns`: turns is empty'],
  ])('refuses %s', (text, message) => {
    expect(() => parseQuestions(text, 'f')).toThrow(message);
  });
});

describe("AlpacaEval's annotations", () => {
  type Figures = Record<string, { win_rate: number; standard_error: number; length_controlled_winrate: number }>;
  const theirs = JSON.parse(readFileSync(alpaca('expected.json'), 'utf8')) as Figures;
  const outputs = { outputs: alpaca('model_outputs.json'), baseline: alpaca('reference_outputs.json') };

  it("give alpaca_eval's win rate exactly, and its length-controlled one within 0.05", () => {
    const { rows, unjudged, missing, model, baseline } = readAnnotations(alpaca('annotations.json'), outputs);
    expect({ model, baseline, unjudged, missing }).toEqual({
      model: 'base-best-of-8',
      baseline: 'base-greedy',
      unjudged: 1,
      missing: 0,
    });
    const minimal = winRates(rows);
    expect(minimal.win_rate).toBeCloseTo(theirs.length_controlled_minimal.win_rate, 9);
    expect(minimal.standard_error).toBeCloseTo(theirs.length_controlled_minimal.standard_error, 9);
    const off = (a: number, b: number) => Math.abs(a - b);
    expect(
      off(minimal.length_controlled_win_rate, theirs.length_controlled_minimal.length_controlled_winrate),
    ).toBeLessThan(0.05);
    const full = readAnnotations(alpaca('annotations.json'), { difficulties: alpaca('instruction_difficulty.csv') });
    expect(
      off(
        winRates(full.rows, 'difficulty').length_controlled_win_rate,
        theirs.length_controlled_noreg.length_controlled_winrate,
      ),
    ).toBeLessThan(0.05);
  });

  const annotation = { instruction: 'i', output_1: 'one', output_2: 'two', preference: 1.75 };

  it('count characters as Python does, and take 0 and 1.5 for draws', () => {
    const rows = [
      { ...annotation, output_2: '🙂é' },
      { ...annotation, preference: 0 },
      { ...annotation, preference: 1.5 },
    ];
    expect(readAnnotations(file('a.json', rows)).rows).toEqual([
      { preference: 0.75, length_model: 2, length_baseline: 3 },
      { preference: 0.5, length_model: 3, length_baseline: 3 },
      { preference: 0.5, length_model: 3, length_baseline: 3 },
    ]);
  });

  it('match repeated instructions each with its own output, and count outputs without an annotation', () => {
    const annotations = file('a.json', [annotation, { ...annotation, output_2: 'three' }]);
    const own = ['three', 'two', 'four'].map((output) => ({ instruction: 'i', output }));
    expect(readAnnotations(annotations, { outputs: file('o.json', own) }).missing).toBe(1);
  });

  it('are refused if they belong to other outputs, with the first and the number', () => {
    const annotations = file('a.json', [
      annotation,
      { ...annotation, instruction: 'j' },
      { ...annotation, instruction: 'k', output_2: 'else' },
    ]);
    const own = file(
      'o.json',
      ['i', 'k'].map((instruction) => ({ instruction, output: 'two' })),
    );
    expect(() => readAnnotations(annotations, { outputs: own })).toThrow(
      /a\.json, entry 2 judges the instruction "j", which .*o\.json does not have; 2 of 3 judgments belong to other answers/,
    );
    expect(() => readAnnotations(annotations, { baseline: own })).toThrow(
      /entry 1 judges the output "one" \(output_1\)/,
    );
  });

  it.each([
    [[{ ...annotation, preference: 3 }], 'entry 1: `preference`: expected a number from 1 to 2'],
    [[{ ...annotation, preference: 0.5 }], 'expected a number from 1 to 2'],
    [[{ ...annotation, preference: null }], 'has no annotation with a preference'],
    [
      [
        { ...annotation, generator_2: 'm' },
        { ...annotation, generator_2: 'n' },
      ],
      'annotations of several models in "generator_2" ("m", "n")',
    ],
    ['{}', 'a.json:1: `instruction`'],
  ])('are refused: %#', (content, message) => {
    expect(() => readAnnotations(file('a.json', content))).toThrow(message);
  });

  it('need as many difficulties as annotations, all of them numbers', () => {
    const annotations = file('a.json', [annotation]);
    const csv = (text: string) => file('d.csv', text);
    expect(readDifficulties(csv(',instruction_difficulty\r\n0,-1.5\r\n1,2\r\n'))).toEqual([-1.5, 2]);
    expect(() => readAnnotations(annotations, { difficulties: csv(',instruction_difficulty\n0,1\n1,2\n') })).toThrow(
      'd.csv holds 2 difficulties',
    );
    expect(() => readDifficulties(csv('a,b\n1,2'))).toThrow('d.csv:1 has no column "instruction_difficulty"');
    expect(() => readDifficulties(csv('i,instruction_difficulty\n0,\n'))).toThrow('d.csv:2 has the difficulty ""');
  });
});

describe("Arena-Hard's judgments", () => {
  const files = { answers: arena('answers.jsonl'), baseline: arena('baseline.jsonl') };
  const expected = JSON.parse(readFileSync(arena('expected.json'), 'utf8')) as { battles: number; win_rate: number };

  it("give the battles and the win rate of Arena-Hard's program", () => {
    const { judgments, model, baseline, unjudged } = readJudgments(arena('judgments.jsonl'), files);
    expect({ model, baseline, unjudged }).toEqual({ model: 'policy', baseline: 'o3-mini-2025-01-31', unjudged: 0 });
    const battles = judgments.flatMap((judgment) => judgment.battles);
    expect(battles.length).toBe(expected.battles);
    expect((100 * battles.reduce((a, b) => a + b)) / battles.length).toBeCloseTo(expected.win_rate, 9);
  });

  const answer = (uid: string, model: string, text: string) => ({
    uid,
    model,
    messages: [
      { role: 'user', content: 'q' },
      { role: 'assistant', content: { answer: text } },
    ],
  });
  const template = (a: string, b: string) => [
    { role: 'system', content: 'Judge.' },
    {
      role: 'user',
      content: `<|User Prompt|>\nq\n\n<|The Start of Assistant A's Answer|>\n${a}\n<|The End of Assistant A's Answer|>\n\n<|The Start of Assistant B's Answer|>\n${b}\n<|The End of Assistant B's Answer|>`,
    },
  ];
  const judgment = (uid: string, mine: string, scores: (string | null)[] = ['A>>B', 'A=B']) => ({
    uid,
    category: 'hard_prompt',
    model: 'm',
    baseline: 'b',
    games: [
      { score: scores[0], prompt: template('base', mine) },
      { score: scores[1], prompt: template(mine, 'base') },
    ],
  });
  const judge = (judgments: unknown[], answers = [answer('1', 'm', 'mine'), answer('2', 'm', 'too')]) =>
    readJudgments(file('j.jsonl', judgments), {
      answers: file('m.jsonl', answers),
      baseline: file('b.jsonl', [answer('1', 'b', 'base'), answer('2', 'b', 'base')]),
    });

  it('count >> three times, in the order of the games', () => {
    // First game: the baseline, A, wins clearly: three lost battles. Second game: a tie.
    const { judgments, unjudged, missing } = judge([judgment('1', 'mine'), judgment('2', 'too', ['B>A', null])]);
    expect(judgments.map(({ battles }) => battles)).toEqual([[0.5, 0, 0, 0]]);
    expect({ unjudged, missing }).toEqual({ unjudged: 1, missing: 0 });
  });

  it('are refused if they belong to other answers, with the first and the number', () => {
    expect(() => judge([judgment('1', 'mine, longer'), judgment('2', 'other')])).toThrow(
      /j\.jsonl:1 judges another answer to uid 1 than .*m\.jsonl has, which begins "mine"; 2 of 2 judgments belong/,
    );
    expect(() => judge([judgment('3', 'mine')])).toThrow('judges uid 3, which');
    expect(() => judge([{ ...judgment('1', 'mine'), model: 'n' }])).toThrow('judges the model "n"');
    expect(() => judge([{ ...judgment('1', 'mine'), baseline: 'n' }])).toThrow('judges against "n"');
  });

  it.each([
    [[{ ...judgment('1', 'mine'), games: [] }], 'expected two games'],
    [[judgment('1', 'mine', ['A>C', 'A=B'])], 'expected a verdict such as A>>B'],
    [[judgment('1', 'mine', [null, null])], 'has no judgment with two verdicts'],
    [[judgment('1', 'mine'), judgment('1', 'mine')], 'judges uid 1 again after line 1'],
  ])('are refused: %#', (judgments, message) => {
    expect(() => judge(judgments)).toThrow(message);
  });

  it("refuses one file with several models' answers", () => {
    expect(() => judge([judgment('1', 'mine')], [answer('1', 'm', 'mine'), answer('2', 'n', 'too')])).toThrow(
      'm.jsonl:2 is an answer of "n" among those of "m"',
    );
  });
});
