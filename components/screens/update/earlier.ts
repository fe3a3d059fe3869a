/** The curves of the shown update, and earlier updates behind them: which, and asking the engine for their metrics. */
import { configOf } from '../../../src/core/config/rounds.js';
import type { Query, RoundState, Snapshot } from '../../../src/protocol/messages.js';
import { shown, shownRound } from '../../app/selectors.js';
import { type Effect, type Step, noEffects } from '../../app/state.js';
import { type Curve, curvesOf, curvesWithHeldOut, withEarlier } from '../../parts/curves.js';
import { referenceIsStart } from '../../parts/kl.js';
import { type EarlierUpdate, type UpdateState, changed } from './state.js';

/** Earlier updates that are drawn: more could not be told apart. */
const MOST = 3;

/** The newest rounds before the shown one that were updated. */
export function earlierRounds(state: UpdateState): RoundState[] {
  const round = shownRound(state);
  if (round === null || state.run === null || !state.ui.showsEarlier) return [];
  return state.run.rounds
    .filter(({ id, steps, damaged }) => id < round.id && (steps ?? 0) > 0 && damaged === undefined)
    .slice(-MOST);
}

/** Asks for their metrics once per engine process, when there are curves to compare them with. */
export function earlierAsks(state: UpdateState): Step<UpdateState> {
  const { run, ui } = state;
  if (run === null || (shown(state)?.metrics.length ?? 0) === 0) return noEffects(state);
  const { pid } = run.engine;
  const missing = earlierRounds(state).filter(
    ({ id }) =>
      !ui.earlier.some(({ round }) => round === id) &&
      !ui.asked.some((other) => other.round === id && other.pid === pid),
  );
  if (missing.length === 0) return noEffects(state);
  const effects = missing.map(({ id }): Effect => ({ do: 'ask', query: { type: 'read-metrics', round: id } }));
  return { state: changed(state, { asked: [...ui.asked, ...missing.map(({ id }) => ({ round: id, pid }))] }), effects };
}

export function earlierAnswered(state: UpdateState, query: Query, answer: unknown): UpdateState {
  if (query.type !== 'read-metrics' || !earlierRounds(state).some(({ id }) => id === query.round)) return state;
  const received = { round: query.round, metrics: answer as EarlierUpdate['metrics'] };
  const others = state.ui.earlier.filter(({ round }) => round !== query.round);
  return changed(state, { earlier: [...others, received] });
}

/** Drops the metrics of rounds that were deleted. */
export function withoutDeleted(state: UpdateState): UpdateState {
  const { rounds } = state.run ?? { rounds: [] };
  const kept = state.ui.earlier.filter(({ round }) => rounds.some(({ id }) => id === round));
  return state.run === null || kept.length === state.ui.earlier.length ? state : changed(state, { earlier: kept });
}

interface Drawn {
  key: readonly unknown[];
  curves: readonly Curve[];
}
let last: Drawn = { key: [], curves: [] };

/** Empty before the first step. Computed once for the same metrics. */
export function shownCurves(state: UpdateState): readonly Curve[] {
  const { run } = state;
  const data = shown(state);
  const round = shownRound(state);
  if (run === null || data === null || round === null || data.metrics.length === 0) return [];
  const { earlier, showsEarlier } = state.ui;
  const key = [data.metrics, round, run.config, run.rounds, earlier, showsEarlier];
  if (key.every((part, i) => part === last.key[i])) return last.curves;
  const behind = earlierRounds(state).flatMap((other) => {
    const known = earlier.find((update) => update.round === other.id);
    return known === undefined || known.metrics.length === 0
      ? []
      : [{ round: other.id, curves: curvesOf(known.metrics, other.settings.beta, isFromStart(run, other)) }];
  });
  const fromStart = isFromStart(run, round);
  const curves = withEarlier(curvesWithHeldOut(data.metrics, round.settings.beta, fromStart), behind);
  last = { key, curves };
  return curves;
}

const isFromStart = ({ config }: Pick<Snapshot, 'config'>, round: RoundState): boolean =>
  referenceIsStart(configOf(config, round), round.parent);
