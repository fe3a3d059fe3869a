/**
 * The main job, as a person does it: a whole round on the bundled example by keystrokes, in a real pseudo-terminal over a
 * real engine. Fewer prompts and shorter answers than the example's own keep it quick.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { lockHolder } from '../../src/io/lock.js';
import { ExampleRun } from './example.js';
import { type TerminalOptions, keys } from './terminal.js';

let example: ExampleRun | null = null;
afterEach(() => {
  example?.remove();
  example = null;
});

function startRun(options: TerminalOptions = {}, more: object = {}): ExampleRun {
  const settings = { prompts: 16, heldOut: 8, samples: 4, maxNewTokens: 48, batch: 8 };
  return (example = new ExampleRun(settings, options, more));
}

const alphaOf = (screen: string) => Number(/α (\d+\.\d+)/.exec(screen)?.[1]);

describe('a whole round by keystrokes', () => {
  it('samples, reviews with a moved α, updates, evaluates, goes on, detaches and attaches again', async () => {
    const started = startRun();
    const screen = started.terminal;
    await screen.until(/waiting for your review/);

    const before = alphaOf(screen.screen());
    const weights = /weight longer (\S+)/.exec(screen.screen())?.[1];
    screen.type(keys.right + keys.right + ']');
    await screen.until(new RegExp(`α (?!${before.toFixed(4)})\\d`));
    const moved = alphaOf(screen.screen());
    expect(moved).toBeGreaterThan(before);
    expect(/weight longer (\S+)/.exec(screen.screen())?.[1]).not.toBe(weights);

    screen.type(keys.down);
    await screen.until(/─ Prompt 2 /);

    screen.type(keys.enter);
    await screen.until(/Launch the update on \d+ pairs/);
    screen.type('y');
    await screen.until(/Round 1 on 8 held-out prompts/);
    expect(screen.screen()).toMatch(/Δ base/);

    screen.type('h');
    await screen.until(/Reward against length/);

    screen.type('?');
    await screen.until(/detach/i);
    screen.type(keys.escape);

    screen.type('4');
    await screen.until(/n next round/);
    screen.type('n');
    await screen.until(/round 2/);

    screen.type('q');
    expect(await screen.exit).toBe(0);
    expect(screen.output).toContain('Detached; the engine keeps running.');
    const holder = lockHolder(started.directory);
    expect(holder).not.toBeNull();

    // The alternate screen was left, and the engine works on without us.
    expect(screen.output).toContain('\u001b[?1049l');
    const again = started.attach();
    await again.until(/round 2[\s\S]*waiting for your review/);
    again.type('q');
    expect(await again.exit).toBe(0);

    const run = JSON.parse(readFileSync(path.join(started.directory, 'run.json'), 'utf8')) as {
      rounds: { id: number; stage: string; settings: { alpha: number } }[];
    };
    expect(run.rounds.map(({ id, stage }) => `${id} ${stage}`)).toEqual(['0 done', '1 done', '2 review']);
    expect(run.rounds[1].settings.alpha).toBeCloseTo(moved, 6);
  }, 180_000);

  it('makes two pairs per prompt again by another strategy, weighs one by hand, and trains on what it shows', async () => {
    const { terminal: screen, directory } = startRun({}, { pairs: { per_prompt: 2 } });
    await screen.until(/waiting for your review/);
    const file = (name: string) => path.join(directory, 'rounds/0001', name);
    const rows = () =>
      readFileSync(file('pairs.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, number> & { chosen_ids: number[]; rejected_ids: number[] });
    const difference = (of: ReturnType<typeof rows>) =>
      of.reduce((sum, { chosen_ids, rejected_ids }) => sum + chosen_ids.length - rejected_ids.length, 0) / of.length;
    const settledStage = () => {
      const { rounds } = JSON.parse(readFileSync(path.join(directory, 'run.json'), 'utf8')) as {
        rounds: { stage: string; overrides: { pairs?: { strategy?: string } } }[];
      };
      return `${rounds[1].overrides.pairs?.strategy} ${rounds[1].stage}`;
    };
    const before = rows();
    expect(before.length).toBeGreaterThan(16);

    const flipped = () => /flipped \d+\/\d+ \(.*?\)/.exec(screen.screen())?.[0] ?? '';
    const flippedBefore = flipped();
    screen.type('M');
    await screen.until(/● best-worst +\d+/);
    // The last but one: λ 0.1.
    screen.type(keys.up + keys.down.repeat(8));
    await screen.until(/› +length-penalized, λ 0\.1 /);
    const told = /› +length-penalized, λ 0\.1 +(\d+) +\S+ +\S+ +(\S+)/.exec(screen.screen()) ?? [];
    screen.type(keys.enter);
    await screen.until(/Make the pairs again: length-penalized, λ 0\.1 instead of best-worst\?/);
    screen.type('y');
    await expect.poll(() => settledStage(), { timeout: 60_000 }).toBe('length-penalized review');
    // For a moment the screen still shows the review of the pairs before, and what is typed there is dropped with it.
    await expect.poll(() => !['', flippedBefore].includes(flipped()), { timeout: 60_000 }).toBe(true);
    await screen.until(/waiting for your review/);
    const made = rows();
    expect(made).toHaveLength(Number(told[1]));
    expect(difference(made).toFixed(1)).toBe(Number(told[2]).toFixed(1));
    expect(difference(made)).toBeLessThan(difference(before));

    screen.type('m');
    await screen.until(/how much the prompt's pairs count/);
    screen.type('0.5' + keys.enter);
    await screen.until(/weight 0\.500 by hand/);
    screen.type(keys.enter);
    await screen.until(new RegExp(`Launch the update on ${made.length} pairs`));
    screen.type('y');
    await screen.until(/Round 1 on 8 held-out prompts/);
    const trained = rows();
    expect(trained).toHaveLength(made.length);
    const first = trained[0].prompt_index;
    expect(trained.filter(({ weight }) => weight === 0.5).every((one) => one.prompt_index === first)).toBe(true);
    expect(trained[0]).toMatchObject({ weight: 0.5 });
    const { rounds } = JSON.parse(readFileSync(path.join(directory, 'run.json'), 'utf8')) as { rounds: object[] };
    expect(rounds[1]).toMatchObject({
      pairs: made.length,
      overrides: { pairs: { strategy: 'length-penalized', length_penalty: 0.1 } },
      decisions: { weighted: 1 },
    });
  }, 180_000);

  it('fits 80×24 and 160×50, redraws when resized, and says when the window is too small', async () => {
    const { terminal: screen } = startRun();
    const fits = (text: string, columns: number, rows: number) => {
      const lines = text.split('\n');
      expect(lines.length).toBe(rows);
      expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
      expect(lines[rows - 1]).toMatch(/q detach/);
    };
    fits(await screen.until(/waiting for your review[\s\S]*─ Prompt 1 [\s\S]*q detach/), 80, 24);
    screen.resize(160, 50);
    await new Promise((resolve) => setTimeout(resolve, 500));
    fits(await screen.until(/waiting for your review[\s\S]*─ Prompt 1 [\s\S]*q detach/), 160, 50);
    screen.resize(40, 10);
    await screen.until(/60.?×.?18|60x18/);
    screen.resize(80, 24);
    fits(await screen.until(/─ Prompt 1 [\s\S]*q detach/), 80, 24);
    screen.type('q');
    expect(await screen.exit).toBe(0);
  }, 120_000);

  it('NO_COLOR sends no colours', async () => {
    const { terminal: screen } = startRun({ env: { NO_COLOR: '1' } });
    await screen.until(/waiting for your review/);
    expect(screen.output).not.toMatch(/\u001b\[(?:3[0-9]|4[0-9]|9[0-7]|10[0-7])m|\u001b\[[34]8;/);
    screen.type('q');
    expect(await screen.exit).toBe(0);
  }, 120_000);
});
