import type { Snapshot } from '../src/engine/protocol.js';
import { totalSteps } from '../src/dpo/schedule.js';
import * as format from '../src/ui/format.js';
import { makeLine } from '../src/ui/sanitize.js';
import { type Field, type State, settingsOf } from '../src/ui/state.js';
import { Line, Tint } from './Line.js';

const names: Record<Field, string> = { alpha: 'α', beta: 'β', lr: 'learning rate' };

/** The line above the footer: a question, what is being typed, or a word about the last key. */
export function Message({ state }: { readonly state: State }) {
  const { modal, notice, run } = state;
  if (modal?.kind === 'edit') {
    const { alpha, beta, lr } = settingsOf(state);
    const now = { alpha: format.alpha(alpha), beta: String(beta), lr: format.learningRate(lr) }[modal.field];
    return (
      <Line>
        <Tint tone="accent">{names[modal.field]}: </Tint>
        {makeLine(modal.text, 40)}█{' '}
        {modal.error === null ? <Tint tone="muted">now {now}</Tint> : <Tint tone="bad">✘ {modal.error}</Tint>}
      </Line>
    );
  }
  if (modal?.kind === 'confirm') {
    const question =
      modal.what === 'launch' && run !== null ? launchText(state, run) : 'Abort the update and discard what it did?';
    return (
      <Line tone="warn">
        {question} <Tint tone="accent">y/n</Tint>
      </Line>
    );
  }
  return <Line tone="warn">{notice === null ? '' : makeLine(notice, state.size.columns)}</Line>;
}

function launchText(state: State, { config, pairs, engine }: Snapshot): string {
  const { reference } = config.dpo;
  const references: Record<string, string> = { round: 'round start', base: 'base' };
  return [
    `Launch ${format.of(pairs.length, 'pair')}`,
    format.of(totalSteps(pairs.length, config.update), 'step'),
    `α ${format.alpha(settingsOf(state).alpha)}`,
    `reference ${references[reference] ?? makeLine(reference, 30)}`,
    `${engine.backend}?`,
  ].join(' · ');
}
