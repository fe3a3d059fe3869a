import { Box } from 'ink';
import path from 'node:path';
import { enter } from './screen.js';
import { makeLine } from '../../src/core/sanitize.js';
import type { State } from './state.js';
import { shownRound } from './selectors.js';
import { tabsOf } from './chrome.js';
import { engineText, statusOf } from './status.js';
import { cut, widthOf } from '../parts/text.js';
import { HomeHeader } from './HomeHeader.js';
import { Line, Tint } from '../parts/Line.js';
import { Spinner } from '../parts/Spinner.js';

/** Where we are (run, round, place within the screen) and what the engine does. Two lines. */
export function Header({ state }: { readonly state: State }) {
  if (state.workspace === 'home') return <HomeHeader state={state} />;
  const { run, size } = state;
  const { role, engine } = engineText(state);
  const name = run === null ? 'Brevity' : path.basename(run.directory);
  const place = [
    roundText(state),
    ...(state.definitions.screens[state.screen].crumbs?.(enter(state, state.screen)) ?? []),
  ]
    .filter((crumb) => crumb !== '')
    .map((crumb) => ` › ${makeLine(crumb, 40)}`)
    .join('');
  const tabs = tabsOf(state).reduce((sum, { text }) => sum + widthOf(text), 0);
  const room = Math.max(6, size.columns - tabs - 1);
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
        <Box flexShrink={0}>{state.workspace === 'run' && <Tabs state={state} />}</Box>
      </Box>
      <Box justifyContent="space-between">
        <Activity state={state} />
        {run !== null && (
          <Box flexShrink={0}>
            <Line tone="muted">
              {role !== '' && <Tint tone="warn">{`${role} · `}</Tint>}
              {engine}
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
  if (round === null || state.workspace === 'file') return '';
  const name = round.name === '' ? `round ${round.id}` : `round ${round.id} ${round.name}`;
  return state.past === null ? name : `${name} (not the current one)`;
}

function Tabs({ state }: { readonly state: State }) {
  return (
    <Line>
      {tabsOf(state).map(({ screen, text }) => (
        <Tint key={screen} tone={screen === state.screen ? 'accent' : 'plain'}>
          {text}
        </Tint>
      ))}
    </Line>
  );
}

function Activity({ state }: { readonly state: State }) {
  const { kind, text, progress } = statusOf(state);
  if (kind === 'bad') return <Line tone="bad">✘ {text}</Line>;
  return (
    <Line>
      {kind === 'busy' && (
        <>
          <Spinner />{' '}
        </>
      )}
      {kind === 'still' && '◆ '}
      <Tint tone={kind === 'paused' ? 'warn' : 'plain'}>
        {kind === 'paused' ? '‖ ' : ''}
        {text}
      </Tint>
      <Tint tone="muted">{progress === '' ? '' : `  ${progress}`}</Tint>
    </Line>
  );
}
