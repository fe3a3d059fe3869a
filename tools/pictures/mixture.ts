/**
 * A run with all that the example does without: a mixture of two rewards, held-out pairs, the update as a job, and a
 * second judge. The judge is a stand-in on this machine that knows the right answers.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { keys } from '../../test/e2e/terminal.js';
import { shownIn, startJudge, type Asked, type Said } from '../../test/rewards/judge/judgeServer.js';
import { codeOf, root, Session } from './session.js';

const data = path.join(root, 'data');

/** Prefers a right answer; of two right or two wrong ones the shorter, less surely. */
async function knowingJudge(): Promise<(asked: Asked) => Said> {
  const { score } = (await import(path.join(data, 'correct.mjs'))) as {
    score: (given: { response: string; row: { answer: string } }) => number;
  };
  const rows = readFileSync(path.join(data, 'held-out.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { prompt: string; answer: string });
  return (asked) => {
    const { content } = asked.messages[0];
    const prompt = /<prompt>\n([^]*?)\n<\/prompt>/.exec(content)?.[1];
    const row = rows.find((candidate) => candidate.prompt === prompt);
    const { first, second } = shownIn(asked);
    if (row === undefined) throw new Error('the judge was asked about a prompt that is not held out');
    const difference = score({ response: first, row }) - score({ response: second, row });
    const a = difference === 0 ? (first.length < second.length ? 0.6 : 0.4) : difference > 0 ? 0.95 : 0.05;
    return { content: a >= 0.5 ? 'A' : 'B', tokens: [[a >= 0.5 ? 'A' : 'B', { A: a, B: 1 - a }]] };
  };
}

export async function recordMixture(folder: string): Promise<void> {
  const judge = await startJudge(await knowingJudge());
  // Half of the prompts are enough for the pictures.
  const prompts = readFileSync(path.join(data, 'prompts.jsonl'), 'utf8').split('\n').slice(0, 160);
  writeFileSync(path.join(folder, 'prompts.jsonl'), `${prompts.join('\n')}\n`);
  writeFileSync(path.join(folder, 'sums.mjs'), codeOf('handbook/writing-a-reward.md', 'js'));
  const example = JSON.parse(readFileSync(path.join(data, 'example.json'), 'utf8')) as {
    update: object;
    evaluation: object;
  };
  writeFileSync(
    path.join(folder, 'config.json'),
    JSON.stringify({
      ...example,
      model: path.join(data, 'base-policy'),
      reward: `hf:${path.join(data, 'reward-model')}+2*module:./sums.mjs`,
      prompts: './prompts.jsonl',
      held_out: path.join(data, 'held-out.jsonl'),
      update: {
        ...example.update,
        // Long enough for training and held-out loss to part.
        epochs: 5,
        held_out_share: 0.1,
        job: { launcher: 'process', command: 'brevity job {dir}' },
      },
      evaluation: { ...example.evaluation, metric: [path.join(data, 'correct.mjs')], judge: judge.spec },
    }),
  );
  const trusted = ['--trust-reward', path.join(folder, 'sums.mjs')];
  const session = new Session(['mixture', '--config', 'config.json', ...trusted], folder);
  try {
    await session.until(/waiting for your review[\s\S]*─ Prompt 1 /);
    // A sum, about which both parts have something to say.
    await session.press('/');
    await session.press('p:plus');
    await session.press(keys.enter);
    await session.press('d');
    session.draw('handbook/writing-a-reward', 'All responses to a prompt, with what each part of the reward says');
    await session.press('d');
    await session.press(keys.enter);
    await session.until(/Launch the update on/);
    await session.press('y');
    await session.until(/Round 1 on \d+ held-out prompts/);
    await session.press('3', 1, 1000);
    session.draw('handbook/curves', 'The curves of a finished update, with loss and accuracy on held-out pairs');
    await session.press('l', 1, 3000);
    session.draw('handbook/cluster', 'An update as a job: where it ran, and the end of its log');
    await session.press('l');
    await session.press('4');
    await session.press('d', 1, 1000);
    session.draw('handbook/judge', 'What the reward and a second judge say, and how far they agree');
  } finally {
    await session.quit('mixture');
    judge.close();
  }
}
