/** The form's trial of a judge: a tournament needs an opponent. */
import { afterEach, expect, it, vi } from 'vitest';
import { rewardOptionsSchema } from '../../../src/core/config/schema.js';
import { tryReward } from '../../../src/run/preflight/reward.js';
import { shownIn, startJudge, type JudgeServer } from '../../rewards/judge/judgeServer.js';

let server: JudgeServer;
afterEach(() => {
  server.close();
  vi.unstubAllEnvs();
});

const ask = (judge: object, named = true) =>
  tryReward({
    spec: server.spec,
    options: rewardOptionsSchema.parse({ judge }),
    ...{ prompts: '/nowhere', model: '/nowhere', backend: 'auto', named },
  });

it('compares "Yes." with "No.", or grades it', async () => {
  server = await startJudge((asked) =>
    asked.messages[0].content.includes('<response_A>') ? (shownIn(asked).first === 'Yes.' ? 'A' : 'B') : '8',
  );
  expect(await ask({})).toMatchObject({ reward: 1, response: 'Yes.', parameters: 0 });
  expect(server.asked).toHaveLength(2);
  expect(await ask({ mode: 'pointwise' })).toMatchObject({ reward: 8 });
});

it("reports what is wrong, and sends no key to a file's judge", async () => {
  server = await startJudge(() => 'Yes is the better answer of the two, I would say.');
  await expect(ask({})).rejects.toThrow(/2 of 2 answers are refusals or unparsable, such as "Yes is the better/);
  vi.stubEnv('BREVITY_JUDGE_KEY', 's3cret');
  await expect(ask({}, false)).rejects.toThrow(/was not tried: it comes from a file/);
});
