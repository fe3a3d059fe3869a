import { guideLines } from './guide.js';
import type { State } from './state.js';
import { Line, Tint } from '../parts/Line.js';

/** In the demo, above the footer: what the screen shows and why, and what to press next. */
export function DemoGuide({ state }: { readonly state: State }) {
  return guideLines(state).map(({ text, tone }, i) => (
    <Line key={i} tone={tone}>
      <Tint tone="accent">│ </Tint>
      {text}
    </Line>
  ));
}
