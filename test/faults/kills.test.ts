/** Engines that are killed at random moments, again and again, on the way through one run. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { lockHolder } from '../../src/io/lock.js';
import { few, randomFrom, seed } from './limits.js';
import { type Progress, atStart, endEngine, play, remove, resultOf, script, tinyRun } from './scenario.js';

const folder = mkdtempSync(path.join(tmpdir(), 'brevity-kills-'));
afterAll(() => remove(folder));

const KILLS = few(3, 200);

it(
  `${KILLS} kills change nothing and lose nothing`,
  async () => {
    const random = randomFrom(seed);
    let undisturbed: Record<string, string> | null = null;
    /** Longest time until a kill: a part of what the whole script takes, so that every engine gets somewhere. */
    let within = 0;
    let kills = 0;
    for (let number = 0; undisturbed === null || kills < KILLS; number++) {
      const home = path.join(folder, String(number));
      mkdirSync(home);
      const run = tinyRun(home);
      const progress: Progress = atStart();
      // The first run is left alone; the others are killed until they are through.
      let timer: NodeJS.Timeout | null = null;
      const plan = (): void => {
        if (undisturbed === null || timer !== null || kills >= KILLS) return;
        timer = setTimeout(() => {
          timer = null;
          const holder = progress.done < script.length ? lockHolder(run) : null;
          if (holder === null) return;
          process.kill(holder.pid, 'SIGKILL');
          kills++;
        }, random() * within);
      };
      const began = performance.now();
      await play(run, progress, { onEvent: plan, engines: 100 });
      if (undisturbed === null) within = (performance.now() - began) / 4;
      if (timer !== null) clearTimeout(timer);
      await endEngine(run);
      if (progress.missed.length === 0) {
        const result = resultOf(run);
        undisturbed ??= result;
        expect(result, `seed ${seed}`).toEqual(undisturbed);
      }
      remove(home);
    }
    expect(kills).toBeGreaterThanOrEqual(KILLS);
  },
  few(120_000, 7_200_000),
);
