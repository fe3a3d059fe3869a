/** The evaluation screen. */
import type { HeldOutSeen } from '../../engine/protocol.js';
import { fixed, signed } from '../format.js';
import { topFor, wheelLines } from '../layout.js';
import { makeVisible } from '../sanitize.js';
import type { ScreenModule } from '../screen.js';
import { type Effect, type State, type Step, only, send, shownRound } from '../state.js';
import { orderNames, orders } from './changes.js';
import { type EvaluationKey, evaluationKeys } from './keys.js';
import { answersOf, evaluationLayout, listHead, neededRounds, numbersRows } from './layout.js';
import { measuresOf } from './measures.js';
import { redoHint, typeRedo, typedRedo } from './redo.js';
import type { EvaluationUi } from './state.js';
import { startName, verdictText } from './verdict.js';

/** Answers of so many rounds are kept; others are asked for again. */
const ROUNDS_KEPT = 6;

export const evaluation: ScreenModule<EvaluationKey> = {
  keys: evaluationKeys,
  act,
  asks,
  answered(state, query, answer) {
    if (query.type !== 'read-held-out') return state;
    const { round } = query;
    const known = state.evaluation.answers.filter((other) => other.round !== round);
    const answers = [...known, { round, answers: answer as HeldOutSeen[] }].slice(-ROUNDS_KEPT);
    const rounds = new Set(answers.map((other) => other.round));
    const asked = state.evaluation.asked.filter((other) => rounds.has(other.round));
    return { ...state, evaluation: { ...state.evaluation, answers, asked } };
  },
  inView(state) {
    const { prompts } = evaluationLayout(state);
    if (prompts?.changes == null) return state;
    const { changes, listRows, textRows, before, after } = prompts;
    const selected = Math.max(0, Math.min(changes.length - 1, state.evaluation.selected));
    const { top, textTop } = state.evaluation;
    const next = {
      selected,
      top: Math.max(0, Math.min(changes.length - listRows, topFor(selected, top, listRows))),
      textTop: Math.max(0, Math.min(textTop, Math.max(before.length, after.length) - textRows)),
    };
    const same = Object.entries(next).every(([key, value]) => state.evaluation[key as keyof EvaluationUi] === value);
    return same ? state : { ...state, evaluation: { ...state.evaluation, ...next } };
  },
  typed: (state, _field, text) => typedRedo(state, text),
  typing: (state, _field, text) => redoHint(state, text),
  pointed,
  confirmed(state) {
    const round = shownRound(state);
    return round === null ? only(state) : send(state, { type: 'judge', round: round.id, verdict: 'rejected' });
  },
  back: (state) => (state.evaluation.view === 'prompts' ? changed(state, { view: 'numbers', textTop: 0 }) : null),
  copies(state) {
    const { prompts } = evaluationLayout(state);
    if (prompts?.change != null) return prompts.change.now.text;
    return shownRound(state)?.evaluation == null ? null : evaluation.reading(state).join('\n');
  },
  crumbs(state) {
    const change = evaluationLayout(state).prompts?.change ?? null;
    return state.evaluation.view === 'prompts' && change !== null ? [`prompt ${change.prompt_index}`] : [];
  },
  reading(state) {
    const round = shownRound(state);
    if (round === null || round.evaluation === null) return ['No evaluation yet.'];
    const { opponents, opponent, prompts } = evaluationLayout(state);
    const measures = measuresOf(round.evaluation, opponents).map(({ name, own, against }) => {
      const cells = against.map(({ text }, i) => `${opponents[i].name} ${text}`);
      return `${name}: ${[own, ...cells].filter((part) => part !== '').join('; ')}.`;
    });
    const change = prompts?.change ?? null;
    return [
      `Round ${round.id} on ${round.evaluation.prompts} held-out prompts. ${verdictText(round)}`,
      ...measures.filter((line) => !line.endsWith(': .')),
      ...(change === null || opponent === null
        ? []
        : [
            `Prompt ${change.prompt_index}, ${orderNames[state.evaluation.order]}: ${makeVisible(change.prompt)}`,
            `Before, reward ${fixed(change.before.reward, 3)}: ${makeVisible(change.before.text)}`,
            `Now, reward ${fixed(change.now.reward, 3)}, ${signed(change.length, 0)} tokens: ${makeVisible(change.now.text)}`,
          ]),
    ];
  },
};

/** The answers of what is shown and of what it is compared with. */
function asks(state: State): Step {
  const { pid } = state.run?.engine ?? { pid: 0 };
  const { asked } = state.evaluation;
  const missing = neededRounds(shownRound(state), evaluationLayout(state).opponent).filter(
    (round) => answersOf(state, round) === null && !asked.some((other) => other.round === round && other.pid === pid),
  );
  if (missing.length === 0) return only(state);
  const effects = missing.map((round): Effect => ({ do: 'ask', query: { type: 'read-held-out', round } }));
  const now = [...asked, ...missing.map((round) => ({ round, pid }))];
  return { state: { ...state, evaluation: { ...state.evaluation, asked: now } }, effects };
}

function act(state: State, id: EvaluationKey): Step {
  const round = shownRound(state);
  if (round === null) return only(state);
  const { selected, order, textTop } = state.evaluation;
  const { prompts } = evaluationLayout(state);
  const [last, page] = [(prompts?.changes?.length ?? 1) - 1, prompts?.listRows ?? 1];
  const select = (place: number): Step =>
    only(changed(state, { selected: Math.max(0, Math.min(last, place)), textTop: 0 }));
  switch (id) {
    case 'accept':
      return send(state, { type: 'judge', round: round.id, verdict: 'accepted' });
    case 'no-verdict':
      return send(state, { type: 'judge', round: round.id, verdict: null });
    case 'reject': {
      const lines = [`Reject round ${round.id}? The next round then starts from ${startName(round)}.`];
      return only({ ...state, modal: { kind: 'confirm', owner: 'evaluation', what: 'reject', lines } });
    }
    case 'redo-at':
      return typeRedo(state);
    case 'show-prompts':
    case 'show-numbers':
      return only(changed(state, { view: id === 'show-prompts' ? 'prompts' : 'numbers', textTop: 0 }));
    case 'order': {
      const next = orders[(orders.indexOf(order) + 1) % orders.length];
      return only(changed(state, { order: next, selected: 0, top: 0, textTop: 0 }));
    }
    case 'against-base':
    case 'against-start':
      return only(
        changed(state, { against: id === 'against-base' ? 'base' : 'start', selected: 0, top: 0, textTop: 0 }),
      );
    case 'change-up':
      return select(selected - 1);
    case 'change-down':
      return select(selected + 1);
    case 'changes-page-up':
      return select(selected - page);
    case 'changes-page-down':
      return select(selected + page);
    case 'first-change':
      return select(0);
    case 'last-change':
      return select(last);
    case 'answer-up':
    case 'answer-down': {
      const by = Math.max(1, (prompts?.textRows ?? 1) - 1);
      return only(changed(state, { textTop: textTop + (id === 'answer-up' ? -by : by) }));
    }
  }
}

/** The wheel goes through the list of prompts, or scrolls the responses beneath it; a click selects. */
function pointed(state: State, kind: 'press' | 'wheel-up' | 'wheel-down', _x: number, y: number): Step {
  const { prompts, spreadRows } = evaluationLayout(state);
  if (prompts?.changes == null) return only(state);
  const { selected, top, textTop, view } = state.evaluation;
  const first = (view === 'numbers' ? numbersRows + spreadRows : 0) + listHead;
  const onList = y < first + prompts.listRows;
  if (kind === 'press') {
    return only(onList && y >= first ? changed(state, { selected: top + y - first, textTop: 0 }) : state);
  }
  const by = kind === 'wheel-up' ? -1 : 1;
  const moved = onList ? { selected: selected + by, textTop: 0 } : { textTop: textTop + wheelLines * by };
  return only(changed(state, moved));
}

function changed(state: State, more: Partial<EvaluationUi>): State {
  const next = { ...state, evaluation: { ...state.evaluation, ...more } };
  return evaluation.inView?.(next) ?? next;
}
