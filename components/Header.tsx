import { Box } from 'ink';
import path from 'node:path';
import * as format from '../src/ui/format.js';
import { modules } from '../src/ui/modules.js';
import { makeLine } from '../src/ui/sanitize.js';
import { type State, currentRound, progressOf, screenOf, screenTitles, screens, shownRound } from '../src/ui/state.js';
import { cut, widthOf } from '../src/ui/text.js';
import type { EngineState, Progress, RoundState, Stage } from '../src/engine/protocol.js';
import { Line, Tint } from './Line.js';
import { Spinner } from './Spinner.js';

const doing: Record<Stage, string> = {
  sample: 'sampling',
  score: 'scoring',
  review: 'in review',
  update: 'updating',
  evaluate: 'evaluating',
  done: 'done',
};

/** Where we are (run, round, place within the screen) and what the engine does. Two lines. */
export function Header({ state }: { readonly state: State }) {
  const { run, size } = state;
  const round = currentRound(state);
  const name = run === null ? 'Brevity' : path.basename(run.directory);
  const place = [roundText(state), ...(modules[state.screen].crumbs?.(state) ?? [])]
    .filter((crumb) => crumb !== '')
    .map((crumb) => ` › ${makeLine(crumb, 40)}`)
    .join('');
  const room = Math.max(6, size.columns - (state.file === null ? tabsWidth(size.columns) : 0) - 1);
  const shownName = cut(makeLine(name, 40), Math.max(6, room - widthOf(place)));
  return (
    <>
      <Box justifyContent="space-between">
        <Line>
          <Tint tone="title">{shownName}</Tint>
          <Tint tone={state.past === null ? 'muted' : 'warn'}>
            {cut(place, Math.max(0, room - widthOf(shownName)))}
          </Tint>
        </Line>
        <Box flexShrink={0}>{state.file === null && <Tabs state={state} round={round} />}</Box>
      </Box>
      <Box justifyContent="space-between">
        <Activity state={state} round={round} />
        {run !== null && (
          <Box flexShrink={0}>
            <Line tone="muted">
              {run.role.driving ? '' : <Tint tone="warn">{'looking on · '}</Tint>}
              {run.role.terminals > 1 ? `${run.role.terminals} terminals · ` : ''}
              {state.file === null ? engineText(run.engine) : `lengths in ${state.file.unit}`}
            </Line>
          </Box>
        )}
      </Box>
    </>
  );
}

/** The round that is looked at, by its name where it has one; said to be past where it is not the current one. */
function roundText(state: State): string {
  const round = shownRound(state);
  if (round === null || state.file !== null) return '';
  const name = round.name === '' ? `round ${round.id}` : `round ${round.id} ${round.name}`;
  return state.past === null ? name : `${name} (not the current one)`;
}

const [wideTabs, narrowTabs] = [58, 30];

/** A narrow terminal shows only the name of the open screen. */
function tabsWidth(columns: number): number {
  return columns < 78 ? narrowTabs : wideTabs;
}

/** The open screen in brackets, a dot at the one that shows what is being worked on. */
function Tabs({ state, round }: { readonly state: State; readonly round: RoundState | null }) {
  const working = round === null ? null : screenOf[round.stage];
  return (
    <Line>
      {screens.map((screen, i) => {
        const named = screen === state.screen || tabsWidth(state.size.columns) === wideTabs;
        const title = `${i + 1}${named ? ` ${screenTitles[screen]}` : ''}${screen === working ? '•' : ''}`;
        return screen === state.screen ? (
          <Tint key={screen} tone="accent">{`[${title}]`}</Tint>
        ) : (
          <Tint key={screen} tone="plain">{` ${title} `}</Tint>
        );
      })}
    </Line>
  );
}

function Activity({ state, round }: { readonly state: State; readonly round: RoundState | null }) {
  const { run, link } = state;
  if (link.status === 'lost') return <Line tone="bad">✘ no engine</Line>;
  if (link.status === 'connecting' || run === null) {
    return (
      <Line>
        <Spinner /> connecting to the engine …
      </Line>
    );
  }
  const stage = round === null ? '' : doing[round.stage];
  // The stage's own screen shows its progress in full.
  const progress = round !== null && screenOf[round.stage] !== state.screen ? progressText(progressOf(run)) : '';
  switch (run.engine.activity) {
    case 'starting':
      return (
        <Line>
          <Spinner /> the engine is starting …
        </Line>
      );
    case 'working':
      return (
        <Line>
          <Spinner /> {stage}
          <Tint tone="muted">{progress}</Tint>
        </Line>
      );
    case 'paused':
      return (
        <Line>
          <Tint tone="warn">‖ paused: {stage}</Tint>
          <Tint tone="muted">{progress}</Tint>
        </Line>
      );
    case 'idle':
      if (run.engine.problem !== null) return <Line tone="bad">✘ {stage} failed</Line>;
      return <Line>{round?.stage === 'review' ? '◆ waiting for your review' : `◆ ${stage}`}</Line>;
  }
}

function progressText(progress: Progress | null): string {
  if (progress === null) return '';
  const parts = [`${format.count(progress.done)}/${format.count(progress.total)} ${progress.unit}`];
  if (progress.tokens_per_second > 0) parts.push(`${format.count(progress.tokens_per_second)} tokens/s`);
  if (progress.seconds_left !== null) parts.push(`${format.duration(progress.seconds_left)} left`);
  return `  ${parts.join(' · ')}`;
}

function engineText({ backend, memory_mb }: EngineState): string {
  return [backend, memory_mb > 0 ? format.megabytes(memory_mb) : ''].filter((part) => part !== '').join(' · ');
}
