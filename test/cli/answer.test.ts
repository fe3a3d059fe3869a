/** `brevity answer` and `win-rate` on public files, as a user runs them. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../engine/runs.js';
import { goldenFolder } from '../golden.js';
import { brevity } from './cli.js';

const data = new URL('../../data/', import.meta.url).pathname;
const reward = `module:${new URL('../fixtures/hash-reward.mjs', import.meta.url).pathname}`;
const model = ['--model', `${data}base-policy`, '--backend', 'wasm', '--max-new-tokens', '24'];
const prompts = ['What is 8 minus 1?', 'What is the capital of Poland?', 'Write the plural of knife.'];
const rows = prompts.map((prompt) => ({ prompt }));

let home = '';
beforeAll(() => {
  home = temporaryFolder();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
const at = (name: string): string => path.join(home, name);
const write = (name: string, value: unknown): string => {
  writeFileSync(at(name), typeof value === 'string' ? value : JSON.stringify(value));
  return at(name);
};

interface Row {
  prompt_index: number;
  response: string;
  response_ids: number[];
  rewards?: number[];
  reward?: number;
  best_index?: number;
  candidates?: { text: string; reward: number }[];
  score?: number;
  logps: number;
}
const sorted = (list: Row[]): Row[] => [...list].sort((a, b) => a.prompt_index - b.prompt_index);

describe('answer', () => {
  it('is greedy, and best of N takes the best of the responses that sample gives', () => {
    const greedy = brevity(['answer', ...model], rows);
    expect(greedy.status).toBe(0);
    const sampledGreedily = brevity(['sample', ...model, '-n', '1', '--temperature', '0'], rows).rows() as unknown as {
      prompt_index: number;
      responses: { text: string }[];
    }[];
    for (const { prompt_index, response } of greedy.rows() as unknown as Row[])
      expect(response).toBe(sampledGreedily.find((it) => it.prompt_index === prompt_index)?.responses[0].text);

    const best = brevity(['answer', ...model, '--best-of', '5', '--reward', reward, '--keep-candidates'], rows);
    expect(best.stderr).not.toMatch(/brevity:/);
    const scored = brevity(
      ['score', '--reward', reward],
      brevity(['sample', ...model, '-n', '5', '--temperature', '1'], rows).stdout,
    ).rows() as unknown as { prompt_index: number; responses: { text: string; reward: number }[] }[];
    for (const row of sorted(best.rows() as unknown as Row[])) {
      const responses = scored.find(({ prompt_index }) => prompt_index === row.prompt_index)?.responses ?? [];
      expect(row.rewards).toEqual(responses.map((it) => it.reward));
      expect(row.candidates?.map(({ text }) => text)).toEqual(responses.map(({ text }) => text));
      expect(row.reward).toBe(Math.max(...(row.rewards as number[])));
      expect(row.response).toBe(responses[row.best_index as number].text);
    }
  });

  it('continues an interrupted command from its journal, and ends with the same file', () => {
    const command = ['answer', ...model, '--best-of', '4', '--reward', reward, '--out'];
    expect(brevity([...command, at('whole.jsonl')], rows).status).toBe(0);
    expect(existsSync(at('whole.jsonl.partial.jsonl'))).toBe(false);
    // A reward that ends the process at the seventh response, as a kill would.
    const fatal = write(
      'fatal.mjs',
      `import { score as own } from ${JSON.stringify(reward.slice('module:'.length))};
let calls = 0;
export async function score(input) {
  if (process.env.BREVITY_TEST_FATAL && ++calls > 6) throw new Error('interrupted');
  return own(input);
}`,
    );
    const again = [
      'answer',
      ...model,
      '--sampling-batch',
      '2',
      '--best-of',
      '4',
      '--reward',
      `module:${fatal}`,
      '--out',
    ];
    const killed = brevity([...again, at('part.jsonl')], rows, undefined, { BREVITY_TEST_FATAL: '1' });
    expect(killed.status).not.toBe(0);
    const journal = readFileSync(at('part.jsonl.partial.jsonl'), 'utf8').trim().split('\n');
    expect(journal.length).toBeGreaterThan(1);
    expect(existsSync(at('part.jsonl'))).toBe(false);
    const other = brevity([...again, at('part.jsonl'), '--seed', '1'], rows);
    expect(other.stderr).toContain('holds unfinished answers with another seed (0 there, 1 here)');
    const continued = brevity([...again, at('part.jsonl')], rows);
    expect(continued.stderr).toContain(`continuing with ${journal.length - 1} finished responses`);
    expect(readFileSync(at('part.jsonl'), 'utf8')).toBe(readFileSync(at('whole.jsonl'), 'utf8'));
    expect(existsSync(at('part.jsonl.partial.jsonl'))).toBe(false);
  });

  it('searches with beams: likelier than greedy without a length penalty', () => {
    const greedy = sorted(brevity(['answer', ...model], rows).rows() as unknown as Row[]);
    const beam = sorted(
      brevity(['answer', ...model, '--beam', '6', '--length-penalty', '0'], rows).rows() as unknown as Row[],
    );
    beam.forEach(({ score, logps }, i) => {
      expect(score).toBe(logps);
      expect(logps).toBeGreaterThan(greedy[i].logps - 1e-4);
    });
  });

  it("writes AlpacaEval's file, whose annotations come back as win rates", () => {
    const set = write(
      'set.json',
      prompts.map((instruction) => ({ dataset: 'helpful_base', instruction, output: 'x', generator: 'g' })),
    );
    const out = at('model_outputs.json');
    expect(
      brevity(['answer', ...model, '--in', set, '--format', 'alpaca-eval', '--model-name', 'mine', '--out', out])
        .status,
    ).toBe(0);
    const outputs = JSON.parse(readFileSync(out, 'utf8')) as { instruction: string; output: string }[];
    expect(outputs.map(({ instruction }) => instruction)).toEqual(prompts);
    expect(outputs[0]).toMatchObject({ generator: 'mine', dataset: 'helpful_base' });
    const annotations = outputs.map(({ instruction, output }, i) => ({
      instruction,
      output_1: 'short',
      output_2: output,
      generator_1: 'baseline',
      generator_2: 'mine',
      preference: 1 + i / 2,
    }));
    const [judged] = brevity([
      'win-rate',
      '--alpaca-eval',
      write('annotations.json', annotations),
      '--outputs',
      out,
    ]).rows();
    expect(judged).toMatchObject({ model: 'mine', win_rate: 50, prompts: 3, form: 'minimal' });
    expect(Object.keys(judged.intervals as object)).toEqual(['win_rate', 'length_controlled_win_rate']);
    annotations[1].output_2 = 'else';
    const refused = brevity(['win-rate', '--alpaca-eval', write('annotations.json', annotations), '--outputs', out]);
    expect(refused.stderr).toContain('1 of 3 judgments belongs to other answers');
    expect(refused.status).toBe(1);
  });

  it("writes Arena-Hard's and MT-Bench's files", () => {
    const arena = prompts
      .map((prompt, i) => JSON.stringify({ uid: `u${i}`, category: 'hard_prompt', prompt }))
      .join('\n');
    const [answer] = brevity(['answer', ...model, '--format', 'arena-hard'], arena).rows();
    expect(answer).toMatchObject({ uid: 'u0', model: 'base-policy' });
    expect((answer.metadata as { token_len: number }).token_len).toBeGreaterThan(3);

    const bench = JSON.stringify({ question_id: 81, category: 'writing', turns: prompts.slice(0, 2) });
    const [{ choices, ...rest }] = brevity(['answer', ...model, '--format', 'mt-bench'], bench).rows();
    expect(rest).toMatchObject({ question_id: 81, model_id: 'base-policy' });
    const { turns } = (choices as { turns: string[] }[])[0];
    // The second turn continues the conversation.
    const [second] = brevity(
      ['answer', ...model],
      [
        {
          prompt: [
            { role: 'user', content: prompts[0] },
            { role: 'assistant', content: turns[0] },
            { role: 'user', content: prompts[1] },
          ],
        },
      ],
    ).rows();
    expect(turns[1]).toBe(second.response);
  });

  it.each([
    [['--best-of', '4'], '--best-of: needs --reward'],
    [['--reward', reward], '--reward: chooses among candidates; add --best-of'],
    [['--best-of', '4', '--reward', reward, '--temperature', '0'], 'all candidates are equal'],
    [['--beam', '4', '--temperature', '1'], '--temperature: beam search does not sample'],
    [['--length-penalty', '1'], '--length-penalty: belongs to beam search; add --beam'],
    [['--best-of', '2', '--reward', reward, '--keep-candidates', '--format', 'alpaca-eval'], 'holds one answer'],
    [['--format', 'arena-hard'], 'standard input:1 has no "uid"'],
    [['--count-with', `${data}base-policy`], '--count-with: only --format arena-hard'],
    [['--server-concurrency', '4'], '--server-concurrency: belongs to --server'],
    [['--keep-candidates'], '--keep-candidates: there is a single candidate'],
    [['--server', 'nowhere'], '--server nowhere'],
  ])('refuses %j', (flags, message) => {
    const { stderr, status } = brevity(['answer', ...model, ...flags], rows);
    expect(stderr).toContain(message);
    expect(status).not.toBe(0);
  });
});

describe('win-rate', () => {
  const arena = (name: string): string => `${goldenFolder}arena-hard/${name}`;
  const judged = ['--arena-hard', arena('judgments.jsonl'), '--answers', arena('answers.jsonl')];

  it("gives Arena-Hard's figures and what is left at equal style", () => {
    const [row] = brevity(['win-rate', ...judged, '--baseline', arena('baseline.jsonl')]).rows();
    const expected = JSON.parse(readFileSync(arena('expected.json'), 'utf8')) as {
      win_rate: number;
      fit: { win_rate: number };
    };
    expect(row).toMatchObject({ category: 'hard_prompt', model: 'policy', prompts: 60, battles: 214 });
    expect(row.win_rate).toBeCloseTo(expected.win_rate, 6);
    expect(row.win_rate_at_mean_style).toBeCloseTo(expected.fit.win_rate, 1);
    // The verdicts favour length, and the model's answers are longer.
    expect(row.style_controlled_win_rate).toBeLessThan((row.win_rate as number) - 20);
    const { win_rate, style_controlled_win_rate } = row.intervals as Record<string, { low: number; high: number }>;
    expect(win_rate.low).toBeLessThan(row.win_rate as number);
    const { low, high } = style_controlled_win_rate;
    expect(row.style_controlled_win_rate).toBeGreaterThan(low);
    expect(row.style_controlled_win_rate).toBeLessThan(high);
  });

  it.each([
    [judged, '--baseline: missing'],
    [['--outputs', arena('answers.jsonl')], '--outputs: belongs to --alpaca-eval'],
    [['--answers', arena('answers.jsonl')], '--answers: belongs to --arena-hard'],
    [[...judged, '--baseline', arena('baseline.jsonl'), '--difficulty'], 'Arena-Hard has no difficulties'],
    [['--alpaca-eval', arena('judgments.jsonl'), '--difficulty'], 'give --difficulty together with --difficulties'],
    [['--alpaca-eval', arena('judgments.jsonl'), '--in', arena('answers.jsonl')], '--in: is not read together'],
  ])('refuses %#', (flags, message) => {
    const { stderr, status } = brevity(['win-rate', ...flags]);
    expect(stderr).toContain(message);
    expect(status).not.toBe(0);
  });
});
