/**
 * The guide of `brevity demo`: for each screen of the round what it shows and why, and what to press next. It follows from
 * the state alone, so that it changes with what a person has done.
 */
import { alpha } from '../../src/core/format.js';
import type { RoundState } from '../../src/protocol/messages.js';
import { firstLines, wrap } from '../parts/text.js';
import type { Tone } from '../parts/theme.js';
import { currentRound, settingsOf } from './selectors.js';
import { type State, doing, screenOf, screenTitles, screens } from './state.js';

interface Guidance {
  /** What the screen shows, and why it matters. */
  text: string;
  /** What to press next. */
  next: string;
}

/** null outside the demo, and while a problem is shown. */
function guidanceOf(state: State): Guidance | null {
  const { demo, run, link, modal } = state;
  if (!demo || link.status === 'lost' || run?.engine.problem != null) return null;
  const round = currentRound(state);
  if (run === null || round === null)
    return {
      text: 'The engine starts, in a process of its own: it owns the run and keeps working when a terminal is closed.',
      next: 'Nothing to press: the round begins by itself.',
    };
  if (modal?.kind === 'help') return { text: 'Every key that works on this screen.', next: 'esc goes back.' };
  if (modal?.kind === 'palette')
    return { text: 'Every command by name: type part of it.', next: 'enter does it, esc goes back.' };
  if (state.screen === 'history' && round.stage === 'done') return finished(state);
  if (state.screen !== screenOf[round.stage]) {
    const screen = screenOf[round.stage];
    return {
      text: `This is ${screenTitles[state.screen]}. Round ${round.id} is ${doing[round.stage]}, which the screen ${screenTitles[screen]} shows.`,
      next: `${screens.indexOf(screen) + 1} goes back there.`,
    };
  }
  return ofStage(state, round);
}

function ofStage(state: State, round: RoundState): Guidance {
  switch (round.stage) {
    case 'sample':
      return {
        text: 'The policy answers each prompt four times. In every round the responses are its own, of the current policy: that is what makes the DPO iterative.',
        next: 'Nothing to press: scoring follows. Each new response appears as it is sampled.',
      };
    case 'score':
      return {
        text: 'The reward model scores every response. The best and the worst of a prompt become a pair: chosen and rejected.',
        next: 'Nothing to press: review follows.',
      };
    case 'review':
      return ofReview(state);
    case 'update':
      return {
        text: 'The update trains the policy on the pairs, each with its gradient weight. The reward margin should grow; the logps show how far the policy moves.',
        next: 'Nothing to press: the evaluation follows. S stops here and keeps the policy.',
      };
    case 'evaluate':
      return round.id === 0
        ? {
            text: 'First the base policy answers held-out prompts, on which no round trains: every round is compared with these responses.',
            next: 'Nothing to press: sampling follows.',
          }
        : {
            text: 'The new policy answers the same held-out prompts, and both are compared: did the reward rise, and what did length do?',
            next: 'Nothing to press: the result follows.',
          };
    case 'done':
      return ofResult(round);
  }
}

function ofReview(state: State): Guidance {
  const { modal } = state;
  const before = state.run?.config.dpo.alpha ?? NaN;
  const now = settingsOf(state).alpha;
  if (modal?.kind === 'confirm')
    return {
      text: `The update will train on these pairs with α ${alpha(now)}. Until now nothing was trained: moving α cost no computation.`,
      next: 'y launches the update, n goes back to the pairs.',
    };
  if (now === before)
    return {
      text: 'The pairs: this reward likes right answers, and long ones. α subtracts a price per token; a pair whose penalized margin falls below 0 has flipped.',
      next: '→ raises α (⇧→: ten steps): press it and watch weights and margins.',
    };
  return {
    text: `α went from ${alpha(before)} to ${alpha(now)}. A pair's weight is σ(-z) with z = α·Δ|y| at the start: longer chosen responses now pull ${now > before ? 'less' : 'more'}, shorter ones ${now > before ? 'more' : 'less'}.`,
    next: 'enter launches the update with this α. (↓: more pairs, A: what α would do)',
  };
}

function ofResult({ verdict }: RoundState): Guidance {
  return {
    text: 'The result on held-out prompts. The length-controlled win rate takes out what length alone wins: it tells a better policy from a longer one.',
    next:
      verdict === null
        ? 'a accepts the round, x rejects it: the next starts from what is accepted.'
        : `The round is ${verdict}. h shows it among all rounds, and what comes next.`,
  };
}

function finished(state: State): Guidance {
  const verdict = currentRound(state)?.verdict ?? null;
  return {
    text: 'Every round with its reward and length. n starts the next round from this policy, f a branch with another α: the rounds are a tree.',
    next:
      verdict === null
        ? '4, then a, accepts the round. Your own model: R, then n. q ends.'
        : 'Now your own model: R leads to your runs, n there sets one up. q ends.',
  };
}

/** Constant in a terminal, so that the screen does not jump when the text changes. */
export function guideRows(state: State): number {
  if (guidanceOf(state) === null) return 0;
  const { textRows, nextRows } = rowsAt(state.size.columns);
  return textRows + nextRows;
}

const rowsAt = (columns: number) => (columns >= 80 ? { textRows: 2, nextRows: 1 } : { textRows: 3, nextRows: 2 });

/** As many lines as `guideRows`; the last ones say what to press. */
export function guideLines(state: State): { text: string; tone: Tone }[] {
  const guidance = guidanceOf(state);
  if (guidance === null) return [];
  const { textRows, nextRows } = rowsAt(state.size.columns);
  const lines = (text: string, rows: number, tone: Tone) => {
    const columns = state.size.columns - 2;
    const shown = firstLines(wrap(text, columns), rows, columns);
    return Array.from({ length: rows }, (_, i) => ({ text: shown.at(i) ?? '', tone }));
  };
  return [...lines(guidance.text, textRows, 'plain'), ...lines(guidance.next, nextRows, 'warn')];
}

export function guideReading(state: State): string[] {
  const guidance = guidanceOf(state);
  return guidance === null ? [] : [`Demo: ${guidance.text}`, `Next: ${guidance.next}`];
}
