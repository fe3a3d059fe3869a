/** The bundled example: two rounds, and the second again without a length penalty. */
import { keys } from '../../test/e2e/terminal.js';
import { Recording, Session } from './session.js';

async function launch(session: Session): Promise<void> {
  await session.until(/waiting for your review/);
  await session.press(keys.enter);
  await session.until(/Launch the update on/);
  await session.press('y');
}

export async function recordExample(folder: string): Promise<void> {
  const session = new Session(['example'], folder);
  const recording = new Recording(session);

  await session.until(/response/i);
  await recording.scene(
    '1  Sample: four responses to each of 320 prompts; a reward model scores them.',
    { longest: 6, hold: 0.5 },
    async () => {
      await session.until(/[3-9]\d\d of 1,?280|waiting for your review/);
      session.draw('handbook/first-run', 'Sampling: responses as they come, their lengths and rewards');
      await session.until(/waiting for your review[\s\S]*─ Prompt 1 /);
    },
  );
  await recording.scene(
    '2  Review: for each pair its reward margin, its length margin, and how hard the update will pull on it.',
    { longest: 3, hold: 2.5 },
    () => session.press(keys.down, 3, 500),
  );
  session.draw('review', 'Review: pairs with rewards, length margins and gradient weights');
  await recording.scene(
    '3  ← → move the length penalty α. Weights and flipped pairs follow; nothing is computed yet.',
    { longest: 9, hold: 1.5 },
    async () => {
      await session.press('[', 6, 350);
      await session.press(']', 9, 350);
      await session.press('[', 3, 350);
    },
  );
  recording.markPoster();
  await recording.scene('   A shows the same for every α at once.', { longest: 2, hold: 3 }, async () => {
    await session.press('A');
    session.draw('handbook/choosing-alpha', 'What α does to the pairs, as curves over α');
  });
  await session.press('A');
  await session.press('B');
  // The panel counts phrases before it shows all of its rows.
  await session.until(/^(?![\s\S]*Counting)[\s\S]*Signs of reward hacking/);
  session.draw('handbook/length-hack', 'Signs of reward hacking: length bias and phrases that chosen responses share');
  await session.press('B');
  await recording.scene('4  enter launches the update.', { longest: 8, hold: 0.5 }, async () => {
    await launch(session);
    await session.until(/\b1\d of \d+ steps/);
    session.draw('update', 'Update: loss, reward margin, accuracy and log-probabilities, step by step');
    await session.until(/Round 1 on \d+ held-out prompts/);
  });
  await recording.scene(
    '5  Evaluate: the new policy against the old one on held-out prompts, with 95 % intervals.',
    { longest: 2, hold: 4 },
    () => session.press('', 1, 1500),
  );
  session.draw('evaluation', 'Evaluation: win rates with intervals, lengths and rewards before and after');

  await session.press('n');
  await session.until(/round 2/);
  await launch(session);
  await session.until(/Round 2 on \d+ held-out prompts/);
  // Repeats the round without a length penalty, which makes another branch.
  await session.press('e');
  await session.until(/α: /);
  await session.press('\u0015');
  await session.press('0');
  await session.press(keys.enter);
  await session.until(/round 3/);
  await launch(session);
  await session.until(/Round 3 on \d+ held-out prompts/);
  await recording.scene(
    '6  The next rounds, one of them again without a penalty: reward against length, a line for each branch.',
    { longest: 2, hold: 5 },
    async () => {
      await session.press('h');
      await session.until(/Reward against length/);
    },
  );
  session.draw('history', 'History: the tree of rounds, reward against length by branch');
  await session.quit('example');
  recording.save('session', 'A session: sampling, review with α under the cursor keys, update, evaluation, history');

  const report = new Session(['report', 'example'], folder, 600);
  await report.ended();
  report.draw(
    'handbook/paper',
    'From the report of the run: what a round shows, with intervals, and by kind of prompt',
    {
      start: /^### What round/,
      rows: 24,
    },
  );
}
