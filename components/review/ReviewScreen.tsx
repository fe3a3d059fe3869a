import type { RoundSettings, RoundState } from '../../src/engine/protocol.js';
import type { PairRow } from '../../src/rows.js';
import type { ReviewLayout } from '../../src/ui/review/layout.js';
import { summaryOf } from '../../src/ui/review/pairs.js';
import { AlphaPanel } from './AlphaPanel.js';
import { Line } from '../Line.js';
import { PairTable } from './PairTable.js';
import { PairTexts } from './PairTexts.js';

export interface ReviewScreenProps {
  readonly pairs: readonly PairRow[];
  readonly settings: RoundSettings;
  readonly dropped: RoundState['dropped'];
  readonly reference: string;
  readonly layout: ReviewLayout;
  readonly columns: number;
  readonly selected: number;
  readonly top: number;
  readonly textTop: number;
}

/** The pairs of the round under the α that is about to be launched. */
export function ReviewScreen(props: ReviewScreenProps) {
  const { pairs, settings, dropped, reference, layout, columns, selected, top, textTop } = props;
  if (pairs.length === 0) return <Line tone="muted">No pairs yet: they are made once all responses are scored.</Line>;
  return (
    <>
      <AlphaPanel
        settings={settings}
        summary={summaryOf(pairs, settings.alpha)}
        dropped={dropped}
        reference={reference}
        columns={columns}
      />
      <PairTable
        pairs={pairs}
        alpha={settings.alpha}
        selected={selected}
        top={top}
        rows={layout.table}
        columns={columns}
      />
      <PairTexts
        pair={pairs[selected]}
        index={selected}
        pairs={pairs.length}
        columns={columns}
        promptRows={layout.prompt}
        textRows={layout.text}
        beside={layout.beside}
        top={textTop}
      />
    </>
  );
}
