import type { UpdateState } from './state.js';
import { useMemo } from 'react';
import { configOf } from '../../../src/core/config/rounds.js';
import { progressOf, settingsOf, shown, shownRound } from '../../app/selectors.js';
import { updateProgress } from './job.js';
import { referenceIsStart } from '../../parts/kl.js';
import { updateLayout } from './layout.js';
import type { ViewProps } from '../../app/state.js';
import { UpdateScreen } from './parts/UpdateScreen.js';

export function UpdateView({ state, columns, rows }: ViewProps<UpdateState>) {
  const [data, round] = [shown(state), shownRound(state)];
  const config = state.run?.config ?? null;
  const own = useMemo(() => (config === null || round === null ? null : configOf(config, round)), [config, round]);
  if (data === null || round === null || own === null) return null;
  const progress = progressOf(data);
  return (
    <UpdateScreen
      round={round}
      metrics={data.metrics}
      progress={state.past === null ? updateProgress(round, progress, data.job) : null}
      job={data.job}
      settings={state.past === null ? settingsOf(state) : round.settings}
      trained={own.update.lora === null ? 'all weights' : `LoRA rank ${own.update.lora.rank}`}
      fromStart={referenceIsStart(own, round.parent)}
      layout={updateLayout(state)}
      ui={state.ui}
      columns={columns}
      rows={rows}
    />
  );
}
