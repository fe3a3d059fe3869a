import type { SamplingState } from './state.js';
import { useMemo } from 'react';
import { configOf } from '../../../src/core/config/rounds.js';
import { samplingLayout } from './layout.js';
import { shown, shownRound } from '../../app/selectors.js';
import type { ViewProps } from '../../app/state.js';
import { SamplingScreen } from './parts/SamplingScreen.js';

export function SamplingView({ state, columns }: ViewProps<SamplingState>) {
  const [data, round] = [shown(state), shownRound(state)];
  const config = state.run?.config ?? null;
  const own = useMemo(() => (config === null || round === null ? null : configOf(config, round)), [config, round]);
  if (data === null || round === null || own === null) return null;
  return (
    <SamplingScreen
      data={data}
      round={round}
      config={
        round.id === 0
          ? { ...own.sampling, samples_per_prompt: 1, temperature: own.evaluation.temperature }
          : own.sampling
      }
      layout={samplingLayout(state)}
      ui={state.ui}
      columns={columns}
    />
  );
}
