/**
 * Who is attached, and who drives: the first client, until another takes over or it leaves. The others are read-only.
 */
import { UserError } from '../core/errors.js';
import type { EngineEvent, Role } from '../protocol/messages.js';

export interface Terminal {
  kind: 'tui' | 'auto';
  send(event: EngineEvent): void;
}

export class Roles {
  /** In the order of attaching. */
  private readonly attached: Terminal[] = [];
  private driver: Terminal | null = null;

  get terminals(): readonly Terminal[] {
    return this.attached;
  }

  /** @throws UserError for `brevity auto` while another client drives: it must not act beside a person */
  attach(terminal: Terminal): void {
    if (terminal.kind === 'auto' && this.driver !== null)
      throw new UserError(
        this.driver.kind === 'auto'
          ? 'another `brevity auto` drives this run; end it first'
          : 'a terminal drives this run; detach it (q) before `brevity auto` can continue it',
      );
    this.attached.push(terminal);
    this.driver ??= terminal;
    this.tell(terminal);
  }

  /** If it drove, the earliest attached of the others drives from now on. */
  leave(terminal: Terminal): void {
    const at = this.attached.indexOf(terminal);
    if (at < 0) return;
    this.attached.splice(at, 1);
    if (this.driver === terminal) this.driver = this.attached[0] ?? null;
    this.tell();
  }

  takeOver(terminal: Terminal): void {
    if (this.driver === terminal) return;
    this.driver = terminal;
    this.tell();
  }

  /** @throws UserError if another client drives */
  check(terminal: Terminal | null): void {
    if (this.driver !== null && this.driver !== terminal)
      throw new UserError('this terminal only looks on; take over (T) to drive');
  }

  of(terminal: Terminal | null): Role {
    return { driving: this.driver === terminal, terminals: this.attached.length };
  }

  /** @param but is told of its role elsewhere */
  private tell(but: Terminal | null = null): void {
    for (const terminal of this.attached)
      if (terminal !== but) terminal.send({ type: 'role', role: this.of(terminal) });
  }
}
