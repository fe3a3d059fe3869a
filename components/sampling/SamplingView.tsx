import { shown } from '../../src/ui/state.js';
import type { ViewProps } from '../view.js';
import { SamplingScreen } from './SamplingScreen.js';

export function SamplingView({ state, columns, rows }: ViewProps) {
  const data = shown(state);
  return data === null ? null : <SamplingScreen data={data} columns={columns} rows={rows} />;
}
