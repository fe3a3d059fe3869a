import type { TokenLine } from '../tokens.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';

export interface TokensProps {
  readonly title: string;
  readonly facts: readonly string[];
  /** null while the engine is asked. */
  readonly lines: readonly TokenLine[] | null;
  readonly top: number;
  readonly columns: number;
  readonly rows: number;
}

/** Tokens at the boundary of prompt and response: bars between them, special ones in ⟦ ⟧. */
export function Tokens({ title, facts, lines, top, columns, rows }: TokensProps) {
  const visible = Math.max(1, rows - 1 - facts.length);
  const end = Math.min(lines?.length ?? 0, top + visible);
  return (
    <>
      <Rule
        title={title}
        right={lines !== null && lines.length > visible ? `lines ${top + 1}–${end} of ${lines.length}` : ''}
        width={columns}
      />
      {facts.map((fact) => (
        <Line key={fact}>{fact}</Line>
      ))}
      {(lines ?? []).slice(top, end).map((line, i) =>
        line === 'boundary' ? (
          <Rule key={i} title="response" width={columns} />
        ) : (
          <Line key={i}>
            {line.map(({ text, special, prompt }, j) => (
              <Tint key={j} tone={special ? 'accent' : prompt ? 'muted' : 'plain'}>
                {special ? `⟦${text}⟧` : text}
                <Tint tone="muted">│</Tint>
              </Tint>
            ))}
          </Line>
        ),
      )}
    </>
  );
}
