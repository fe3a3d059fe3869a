/**
 * What the terminal shows: the engine's snapshot kept current by its events, and the little that belongs to this
 * terminal alone (screen, selection, what is being typed). Nothing here has to survive: another terminal that attaches
 * starts from the snapshot.
 *
 * Leaves out the changes (reducer.ts) and what is derived for drawing (pairs.ts, layout.ts).
 */
import type { Size } from '../terminal/types.js';
import type { ReactNode } from 'react';
import type {
  EngineCommand,
  EngineEvent,
  HeldOutResponse,
  Query,
  RoundData,
  RoundSettings,
  Snapshot,
  Stage,
} from '../../src/protocol/messages.js';
import type { MouseKind } from '../terminal/keyboard.js';
import type { Line } from '../parts/lineEditing.js';
import type { Home, HomeEvent, HomeTask } from './home.js';
import { type LineMemory, noLines } from './lineMemory.js';
import type { NamedPart } from '../../src/core/config/rewardSpec.js';
import type { Sensitive } from '../../src/core/trust.js';

export type { Size };

const runScreens = ['sampling', 'review', 'update', 'evaluation', 'history', 'engine'] as const;
const homeScreens = ['runs', 'setup'] as const;
export type Screen = (typeof runScreens)[number] | (typeof homeScreens)[number];

/** Those of a run, in the order of their tabs. */
export const screens: readonly Screen[] = runScreens;
/** With those that come before a run. */
export const allScreens: readonly Screen[] = [...runScreens, ...homeScreens];

export const screenTitles: Record<Screen, string> = {
  sampling: 'Sampling',
  review: 'Review',
  update: 'Update',
  evaluation: 'Evaluation',
  history: 'History',
  engine: 'Engine',
  runs: 'Runs',
  setup: 'New run',
};

/** The screen on which a stage is watched. */
export const screenOf: Record<Stage, Screen> = {
  sample: 'sampling',
  score: 'sampling',
  review: 'review',
  update: 'update',
  evaluate: 'evaluation',
  done: 'evaluation',
};

/** What is done in a stage. */
export const doing: Record<Stage, string> = {
  sample: 'sampling',
  score: 'scoring',
  review: 'in review',
  update: 'updating',
  evaluate: 'evaluating',
  done: 'done',
};

/** What lies over the screen and takes the keys. `owner` is whose it is: a screen's, or the whole terminal's. */
export type Modal =
  /** `text`: what the keys are searched for. */
  | (Typed & { kind: 'help'; top: number })
  | (Typed & { kind: 'palette'; selected: number })
  | EditModal
  /** The first line is the question. */
  | { kind: 'confirm'; owner: Screen | 'run'; what: string; lines: readonly string[] };

/** A line being typed, with what the keys that edit it have to remember. */
export interface Typed extends Line {
  /** An earlier line is shown: its place from the newest, and what was typed before. */
  browsing?: { place: number; typed: Line };
  /** Tab has inserted a suggestion: its place, and the line before. */
  completing?: { place: number; typed: Line };
}

/** A line being typed above the footer, or in a form. */
export interface EditModal extends Typed {
  kind: 'edit';
  owner: Screen | 'run';
  field: string;
  label: string;
  hint: string;
  error: string | null;
  /** Place of the first character that cannot be parsed. */
  errorAt?: number;
  /** Tab completes it: a path, or a reward that names one. */
  completes?: 'path' | 'reward';
  /** The screen shows it where it belongs, not the line above the footer. */
  inPlace?: boolean;
}

/** What can be typed at the cursor; tab inserts one after another. */
export interface Suggestions {
  /** What they replace in the text. */
  readonly from: number;
  readonly to: number;
  readonly items: readonly { readonly text: string; readonly help: string }[];
  /** What is expected at the cursor, in words. */
  readonly expected: string;
}

export type Link =
  | { status: 'connecting' }
  | { status: 'up' }
  /** `next`: what r does, if not the usual: start the engine again where it was. */
  | { status: 'lost'; reason: string; next?: string };

/** Scored samples that are reviewed without an engine: there are no rounds, and nothing can be launched. */
export interface FileReview {
  /** What lengths are counted in. */
  unit: 'tokens' | 'characters';
  /** Responses can be seen token by token. */
  tokens: boolean;
  /** The parts of the reward, if the file has them. */
  parts?: readonly NamedPart[];
  /** Where the pairs are written. */
  out: string;
}

/** What every terminal has. */
interface Terminal {
  /** The screens, which App, the reducer and the key table take from here. */
  readonly definitions: Definitions;
  link: Link;
  /** null before the engine has spoken, and on the list of runs. */
  run: Snapshot | null;
  size: Size;
  screen: Screen;
  /** The screen follows the stage until a person goes elsewhere. */
  follows: boolean;
  modal: Modal | null;
  /** Settings moved here that the engine has not confirmed. */
  draft: Partial<RoundSettings>;
  /** An earlier round that is looked at instead of the current one. */
  past: RoundData | null;
  /** Responses to held-out prompts, which several screens show. */
  heldOut: HeldOutResponses;
  /** One line about the last key or command; the next key clears it. */
  notice: string | null;
  /** Who decides in review; empty: decisions carry no name. */
  reviewer: string;
  /** Every screen is explained above the footer (guide.ts). */
  demo: boolean;
  lines: LineMemory;
  /** Whether clicks and the wheel come here; null: the terminal has no mouse, or was told to keep it. */
  mouse: boolean | null;
}

/** The terminal of a run, with an engine. */
export interface RunTerminal extends Terminal {
  workspace: 'run';
}

/** Scored samples from a file: no engine, no rounds. */
export interface FileTerminal extends Terminal {
  workspace: 'file';
  file: FileReview;
}

/** The list of runs and the form of a new one: no engine. */
export interface HomeTerminal extends Terminal {
  workspace: 'home';
  home: Home;
}

/** Shared by all screens; a screen's own slice lies beside it under the screen's name and is known to that screen only. */
export type State = RunTerminal | FileTerminal | HomeTerminal;

export interface HeldOutResponses {
  /** By round, the last received last. */
  readonly known: readonly { round: number; responses: readonly HeldOutResponse[] }[];
  /** Rounds that were asked for, and the engine process that was asked: a restarted engine is asked again. */
  readonly asked: readonly { round: number; pid: number }[];
}

export const noResponses: HeldOutResponses = { known: [], asked: [] };

/** Everything that changes the state: what the engine says, keys, the terminal's size, the connection. */
export type AppEvent =
  | EngineEvent
  /** `together`: it came in one piece with the key before it, so nobody has seen yet what that one did. */
  | { type: 'key'; key: string; together?: boolean }
  /** `cut`: only the start of the paste was kept. */
  | { type: 'paste'; text: string; cut: boolean }
  | { type: 'size'; size: Size }
  | { type: 'link'; link: Link }
  /** No engine was started: the user has not allowed these modules, or these servers the key. */
  | { type: 'untrusted'; uses: readonly Sensitive[] }
  /** `together` as of a key. */
  | { type: 'mouse'; kind: MouseKind; x: number; y: number; together?: boolean }
  | { type: 'answer'; query: Query; answer: unknown }
  | { type: 'unanswered'; query: Query; message: string }
  | { type: 'notice'; text: string }
  /** The pairs of a reviewed file, or a report, are not written yet: the file is there and something else wrote it. */
  | { type: 'file-exists'; what: 'pairs' | 'report'; file: string }
  | { type: 'home'; event: HomeEvent }
  /** Tab has completed the line that is typed. */
  | { type: 'completed'; before: string; text: string; candidates: readonly string[] }
  | { type: 'refused'; command: EngineCommand['type']; message: string };

/** What a key asks of the world; performed by the TUI command. */
export type Effect =
  | { do: 'send'; command: EngineCommand }
  /** `after`: milliseconds to wait first, for what is read again and again. */
  | { do: 'ask'; query: Query; after?: number }
  | { do: 'copy'; text: string; what: string }
  | { do: 'restart' }
  /** Allows these rewards in this run, then starts the engine. */
  | { do: 'trust'; uses: readonly Sensitive[] }
  | { do: 'home'; task: HomeTask }
  | { do: 'complete'; text: string; inReward: boolean }
  /** The decided pairs of a file that is reviewed. Without `overwrite` an existing file is asked about first. */
  | { do: 'write'; overwrite: boolean }
  /** A line was typed to its end: the next session offers it again. */
  | { do: 'remember'; kind: string; text: string }
  | { do: 'mouse'; on: boolean }
  | { do: 'redraw' }
  | { do: 'suspend' }
  | { do: 'detach' }
  /** `brevity export` or `brevity report` on the run, beside the terminal. Without `overwrite` as in `write`. */
  | { do: 'command'; command: 'export' | 'report'; out: string; overwrite: boolean }
  /** To the list of runs. */
  | { do: 'leave' };

export interface Step<S = State> {
  state: S;
  effects: Effect[];
}

export function noEffects<S>(state: S): Step<S> {
  return { state, effects: [] };
}

export function send<S>(state: S, command: EngineCommand): Step<S> {
  return { state, effects: [{ do: 'send', command }] };
}

/**
 * Asks before something that cannot be undone; what can be undone happens without a question.
 *
 * @param lines the question, then its consequence in one sentence
 */
export function ask<S extends State>(state: S, owner: Screen, what: string, lines: readonly string[]): Step<S> {
  return noEffects({ ...state, modal: { kind: 'confirm', owner, what, lines } });
}

/** Stops sampling or the update, as confirmed. */
export function stopNow<S extends State>(state: S, notice = 'Stopping after the micro-batch in flight.'): Step<S> {
  return send({ ...state, notice }, { type: 'stop' });
}

/** What a screen of a run (or of a reviewed file) works on: `ui` is its own state. */
export type Slice<Ui> = (RunTerminal | FileTerminal) & { readonly ui: Ui };
/** The same for the list of runs and the form. */
export type HomeSlice<Ui> = HomeTerminal & { readonly ui: Ui };
export type AnySlice = State & { readonly ui: unknown };

/** The parts of the help, in its order. */
export const helpGroups = {
  work: 'Work',
  moving: 'Moving',
  deciding: 'Deciding',
  settings: 'α and settings',
  views: 'Views',
  screen: 'On this screen',
  run: 'This run',
  files: 'Files and clipboard',
  terminal: 'Terminal',
} as const;
export type HelpGroup = keyof typeof helpGroups;

/** One thing a person can do: the footer, the help, the palette, docs/keys.md and the tests all read it here. */
export interface Action<S extends State = State> {
  readonly id: string;
  /** What the palette calls it; its id unless given. Of the keys that work at one time each has a command of its own. */
  readonly command?: string;
  /** What people may call it instead. */
  readonly aliases?: readonly string[];
  /** It never works on the other: an engine's run, or a file that is reviewed without one. */
  readonly only?: 'run' | 'file';
  /** The part of the help that it belongs to; by default that of its screen. */
  readonly group?: HelpGroup;
  /** As components/terminal/keys.ts names them: a printable character by itself, the others as `up`, `shift+left`, `enter`. */
  readonly keys: readonly string[];
  /** For the footer, which has little room. Empty: not in the footer. */
  readonly label: string;
  /** The key's sign in the footer where it stands for its neighbours too. */
  readonly sign?: string;
  /** For the help screen and the command palette. */
  readonly help: string;
  /** Whether it does something now; always if absent. */
  when?(state: S): boolean;
  /** Why it does nothing now, as one sentence; null: only that. */
  why?(state: S): string | null;
  run(state: S, key: string): Step<S>;
}

/** What a screen's view gets: its slice, and the room for the screen's body. */
export interface ViewProps<S = State> {
  readonly state: S;
  readonly columns: number;
  readonly rows: number;
}

export interface ScreenDefinition<S extends AnySlice = AnySlice> {
  /** Its own state before anything was done. */
  readonly initial: S['ui'];
  View(props: ViewProps<S>): ReactNode;
  /** In the order of the footer: what matters most here comes first. */
  readonly actions: readonly Action<S>[];
  /** After any change: drops from its slice what no longer exists, such as the comparison with a deleted round. */
  settle?(state: S): S;
  /** Takes what was typed into a line that this screen opened. @returns a sentence where it is no good */
  typed?(state: S, field: string, text: string): Step<S> | string;
  /** While it is typed: what the line says of it so far. */
  typing?(state: S, field: string, text: string): { hint: string; error: string | null; errorAt?: number };
  /** What can be typed at the cursor of a line that this screen opened; null: nothing is suggested. */
  suggests?(state: S, field: string, text: string, cursor: number): Suggestions | null;
  /** Queries this screen still has to send; evaluated after every change. */
  asks?(state: S): Step<S>;
  /** A question of this screen was answered with yes. */
  confirmed?(state: S, what: string): Step<S>;
  /** One layer back within the screen; null where there is none. */
  back?(state: S): S | null;
  /** The engine has answered a query that this screen sent. */
  answered?(state: S, query: Query, answer: unknown): S;
  /** The engine has refused a query, or could not answer it. */
  unanswered?(state: S, query: Query): S;
  /** A new connection: queries sent over the lost one are never answered. */
  reconnected?(state: S): S;
  /** Something came of a task of the list of runs or the form. */
  happened?(state: S, event: HomeEvent): S;
  /** Whether a form with settings of its own covers the screen. */
  hasForm?(state: S): boolean;
  /** What a click or the wheel does; coordinates from 0 within the screen's body. */
  pointed?(state: S, kind: 'press' | 'wheel-up' | 'wheel-down', x: number, y: number): Step<S>;
  /** The pressed mouse is moved, or let go at last, after a press within the screen. */
  dragged?(state: S, x: number, y: number, ended: boolean): Step<S>;
  /** What `y` copies: the selected response or command; null where there is none. */
  copies?(state: S): string | null;
  /** What the terminal keeps of this screen when it ends, as JSON, and takes up when it is opened again. */
  keeps?(state: S): unknown;
  restored?(state: S, kept: unknown): S;
  /** Where one is within the screen, for the header's breadcrumbs. */
  crumbs?(state: S): string[];
  /** Sections of the help below the keys: what can be typed, and what it means. */
  readonly notes?: readonly { title: string; rows: readonly (readonly [string, string])[] }[];
  /** What the header of the list of runs and of the form says. */
  summary?(state: S): readonly string[];
  /** The screen as lines to be read aloud. */
  reading(state: S): string[];
}

/** Where a key counts: a screen, or what lies over it. */
export type KeyScope = Screen | Modal['kind'];

/** An action that works on several screens, or on what lies over a screen. */
export interface ScopedAction extends Action {
  readonly places: readonly KeyScope[];
}

/** The screens, and what can be done on all of them: listed before or after a screen's own actions in the footer. */
export interface Definitions {
  readonly screens: Readonly<Record<Screen, ScreenDefinition>>;
  readonly first: readonly ScopedAction[];
  readonly last: readonly ScopedAction[];
}

/** Without the screens' slices, which `withSlices` of screen.ts adds. */
export function initialTerminal(definitions: Definitions, size: Size): RunTerminal {
  return {
    workspace: 'run',
    definitions,
    link: { status: 'connecting' },
    run: null,
    size,
    screen: 'sampling',
    follows: true,
    modal: null,
    draft: {},
    past: null,
    heldOut: noResponses,
    notice: null,
    reviewer: '',
    demo: false,
    lines: noLines,
    mouse: null,
  };
}
