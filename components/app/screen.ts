/**
 * What a screen brings to the terminal beside its component: its keys, what they do, and its part of the state. Each
 * screen's folder under components/screens/ has one; screens.ts lists them.
 */
import type { Query } from '../../src/protocol/messages.js';
import type { State, Step } from './state.js';

export interface Key {
  id: string;
  /** What the palette calls it; its id unless given. Of the keys that work at one time each has a command of its own. */
  command?: string;
  /** What people may call it instead. */
  aliases?: readonly string[];
  /** It never works on the other: an engine's run, or a file that is reviewed without one. */
  only?: 'run' | 'file';
  /** As keyNames.ts names them: a printable character by itself, the others as `up`, `shift+left`, `enter`. */
  keys: readonly string[];
  /** For the footer, which has little room. Empty: not in the footer. */
  label: string;
  /** The key's sign in the footer where it stands for its neighbours too. */
  sign?: string;
  /** For the help screen and the command palette. */
  help: string;
  /** Whether it does something now. */
  when?: (state: State) => boolean;
  /** Why it does nothing now, as one sentence; null: only that. */
  why?: (state: State) => string | null;
}

export interface ScreenModule<Id extends string = string> {
  /** In the order of the footer: what matters most here comes first. */
  readonly keys: readonly (Key & { readonly id: Id })[];
  /** What one of its keys does. */
  act(state: State, id: Id, key: string): Step;
  /** Brings selection and scrolling back within what there is, after any change. */
  inView?(state: State): State;
  /** Takes what was typed into a line that this screen opened. @returns a sentence where it is no good */
  typed?(state: State, field: string, text: string): Step | string;
  /** While it is typed: what the line says of it so far. */
  typing?(state: State, field: string, text: string): { hint: string; error: string | null };
  /** What the screen needs to know of the engine for what it shows, and has not asked yet; called after any change. */
  asks?(state: State): Step;
  /** A question of this screen was answered with yes. */
  confirmed?(state: State, what: string): Step;
  /** One layer back within the screen; null where there is none. */
  back?(state: State): State | null;
  /** The engine has answered a question that this screen asked. */
  answered?(state: State, query: Query, answer: unknown): State;
  /** The engine has refused a question, or could not answer it. */
  unanswered?(state: State, query: Query): State;
  /** What a click or the wheel does; coordinates from 0 within the screen's body. */
  pointed?(state: State, kind: 'press' | 'wheel-up' | 'wheel-down', x: number, y: number): Step;
  /** What `y` copies: the response or command that is looked at; null where there is none. */
  copies?(state: State): string | null;
  /** Where one is within the screen, for the header's breadcrumbs. */
  crumbs?(state: State): string[];
  /** Sections of the help below the keys: what can be typed, and what it means. */
  readonly notes?: readonly { title: string; rows: readonly (readonly [string, string])[] }[];
  /** The screen as lines to be read aloud. */
  reading(state: State): string[];
}
