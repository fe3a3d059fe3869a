/** Actions of the engine screen. */
import { listActions } from '../../app/lists.js';
import { type Action, noEffects } from '../../app/state.js';
import { hasJob, logName } from './asks.js';
import { askSearch, moveInLog, nextError, nextMatch, scrollTo } from './moves.js';
import { engineLayout, errorLines, followsLog } from './select.js';
import { type EngineState, changed } from './state.js';

const canScroll = (state: EngineState): boolean => {
  const { rows, visible } = engineLayout(state);
  return visible > 0 && (rows?.length ?? 0) > visible;
};
const seesLog = ({ ui }: EngineState): boolean => ui.view !== 'machines';
const hasMatches = (state: EngineState): boolean => seesLog(state) && engineLayout(state).matches.length > 0;
const hasErrors = (state: EngineState): boolean => seesLog(state) && errorLines(state).length > 0;

export const engineActions: readonly Action<EngineState>[] = [
  {
    id: 'search-log',
    group: 'views',
    command: 'search',
    aliases: ['find', 'grep'],
    keys: ['/'],
    label: 'search',
    help: 'search the log for a text',
    when: (state) => seesLog(state) && (engineLayout(state).rows?.length ?? 0) > 0,
    run: askSearch,
  },
  {
    id: 'match-before',
    group: 'moving',
    command: 'match-before',
    keys: ['N'],
    label: '',
    help: 'the line before that has the text',
    when: hasMatches,
    run: (state) => noEffects(nextMatch(state, -1)),
  },
  {
    id: 'match-after',
    group: 'moving',
    command: 'match-after',
    keys: ['n'],
    label: 'match',
    sign: 'n N',
    help: 'the next line that has the text',
    when: hasMatches,
    run: (state) => noEffects(nextMatch(state, 1)),
  },
  {
    id: 'error-before',
    group: 'moving',
    command: 'error',
    aliases: ['errors', 'last error'],
    keys: ['e'],
    label: 'error',
    help: 'the error before, from the end of the log on',
    when: hasErrors,
    run: (state) => noEffects(nextError(state, -1)),
  },
  {
    id: 'other-log',
    group: 'views',
    aliases: ['switch log', 'job log', 'engine log'],
    keys: ['o'],
    label: 'other log',
    help: "the engine's log instead of the job's, and back",
    when: hasJob,
    why: (state) => (hasJob(state) ? null : 'This round has no job: there is only the log of the engine.'),
    run: (state) =>
      noEffects(changed(state, { other: logName(state).of === 'job', log: null, top: null, found: null })),
  },
  {
    id: 'cut-lines',
    group: 'views',
    aliases: ['wrap', 'truncate'],
    keys: ['w'],
    label: 'wrap',
    help: 'cut long lines instead of wrapping them, and back',
    when: seesLog,
    run: (state) => noEffects(changed(state, { cuts: !state.ui.cuts })),
  },
  {
    id: 'enlarge-log',
    group: 'views',
    aliases: ['zoom', 'log only', 'machines'],
    keys: ['z'],
    label: 'enlarge',
    help: 'the log on the whole screen, then the machines, then both',
    run(state) {
      const after = { both: 'log', log: 'machines', machines: 'both' } as const;
      return noEffects(changed(state, { view: after[state.ui.view] }));
    },
  },
  ...listActions<EngineState>({
    moves: {
      up: ['log-up', 'a line up in the log'],
      down: ['log-down', 'a line down in the log'],
      'page-up': ['log-page-up', 'a page up in the log'],
      'page-down': ['log-page-down', 'a page down in the log'],
      first: ['log-start', 'to the start of the log'],
    },
    label: 'line',
    when: canScroll,
    moved: moveInLog,
  }),
  {
    id: 'log-end',
    group: 'moving',
    command: 'last',
    aliases: ['follow', 'bottom', 'end'],
    keys: ['end', 'G'],
    label: 'follow',
    sign: 'G',
    help: 'to the end of the log, and follow it',
    when: (state) => canScroll(state) && !followsLog(state, engineLayout(state)),
    run: (state) => noEffects(changed(scrollTo(state, Infinity), { found: null })),
  },
];
