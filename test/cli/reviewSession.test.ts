/** The review of a file: the same screen and keys, with a session in place of the engine. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { readScoredFile } from '../../src/run/reviewFile.js';
import { activeKeys } from '../../components/app/keys.js';
import { Link } from '../../src/cli/engineLink.js';
import { reviewedRound } from '../../components/screens/review/select.js';
import { FileSession, defaultOut, journalOf, readJournal } from '../../src/cli/reviewSession.js';
import { initialState } from '../../components/screens/index.js';
import { Store } from '../../components/app/store.js';
import { temporaryDirectories } from '../temporary.js';
import { small } from '../components/fixtures.js';
import { on, slices } from '../components/slices.js';

const temporaryDirectory = temporaryDirectories();

function scoredFile(): string {
  const file = path.join(temporaryDirectory(), 'scored.jsonl');
  const rows = [1, 2, 3].map((n) => ({
    prompt: `Prompt ${n}`,
    responses: [
      { text: 'short', reward: 1 },
      { text: 'much longer', reward: 2 },
      { text: 'middling', reward: 1.5 },
    ],
  }));
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return file;
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

async function opened(file = scoredFile()) {
  const out = path.join(path.dirname(file), 'pairs.jsonl');
  const session = new FileSession({
    file,
    scored: readScoredFile(file, null),
    out,
    alpha: 0.005,
    beta: 0.1,
    tokens: null,
  });
  const start = initialState(small, { unit: 'characters', tokens: false, out });
  const store = new Store(start, (effect) => {
    if (effect.do === 'send') link.send(effect.command);
    if (effect.do === 'ask') link.ask(effect.query);
  });
  const link = new Link({
    attach: session.attach,
    now: store.now,
    soon: store.now,
  });
  await link.open();
  const press = async (...keys: string[]) => {
    for (const key of keys) store.now({ type: 'key', key });
    await settled();
  };
  return { file, out, session, store, press };
}

const marks = (file: string): { action: string }[] =>
  readFileSync(journalOf(file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { action: string });

describe('the session', () => {
  it.each(['x', 't'])('%s twice after a swap leaves the swap, on the screen and in the journal', async (key) => {
    const { file, out, session, store, press } = await opened();
    for (const each of ['s', key, key]) await press(each);
    const swapped = { prompt_index: 0, ruling: { kind: 'pair', chosen: 0, rejected: 1 }, note: '' };
    expect(store.state().run?.decisions.decisions).toEqual([swapped]);
    expect(readJournal(file, readScoredFile(file, null)).decisions.get(0)).toEqual(swapped);
    session.write();
    const [first] = readFileSync(out, 'utf8').split('\n');
    expect(JSON.parse(first)).toMatchObject({ chosen: 'short', rejected: 'much longer' });
  });

  it('opens the review of the file', async () => {
    const { store } = await opened();
    const state = store.state();
    expect(state).toMatchObject({ screen: 'review', link: { status: 'up' } });
    expect(reviewedRound(on.review(state))?.table.pairs).toHaveLength(3);
    expect(reviewedRound(on.review(state))?.settings.alpha).toBe(0.005);
  });

  it('keeps decisions in a journal beside the file, and takes them up again', async () => {
    const { file, store, press } = await opened();
    for (const key of ['x', 'j', 's', 'u', 'U', 'u']) await press(key);
    expect(marks(file).map(({ action }) => action)).toEqual(['decide', 'decide', 'undo', 'redo', 'undo']);
    expect(store.state().run?.decisions).toMatchObject({ undoable: 1, redoable: 1 });
    const again = await opened(file);
    expect(again.store.state().run?.decisions).toEqual(store.state().run?.decisions);
    expect(reviewedRound(on.review(again.store.state()))?.table.statuses).toEqual(['excluded', 'pair', 'pair']);
  });

  it('writes the pairs as decided', async () => {
    const { out, session, press } = await opened();
    await press('x', 'j', 's');
    expect(session.write()).toBe(2);
    expect(
      readFileSync(out, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { prompt: 'Prompt 2', chosen: 'short', rejected: 'much longer' },
      { prompt: 'Prompt 3', chosen: 'much longer', rejected: 'short' },
    ]);
  });

  it('tells every response, and moves α', async () => {
    const { store, press } = await opened();
    await press('right');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(reviewedRound(on.review(store.state()))?.settings.alpha).toBe(0.0051);
    expect(store.state().draft).toEqual({});
    expect(slices(store.state()).review.details[0]?.detail.responses.map(({ text }) => text)).toEqual([
      'short',
      'much longer',
      'middling',
    ]);
  });

  it('counts signs of reward hacking of its own rows, once', async () => {
    const { session, store, press } = await opened();
    await press('B');
    await vi.waitFor(() =>
      expect(slices(store.state()).review.hacking).toMatchObject({
        ...{ round: 1, read: 3, truncated: null, length: { pairs: 3, longer: 3, within: 1 } },
      }),
    );
    const query = { type: 'read-hacking', round: 1 } as const;
    expect(await session.ask(query)).toBe(await session.ask(query));
  });

  it('has no keys that need an engine', async () => {
    const { store } = await opened();
    const ids = activeKeys(store.state()).map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['write', 'quit', 'swap', 'neutral-alpha', 'filter', 'detail']));
    for (const id of ['launch', 'edit-beta', 'edit-lr', 'tokens', 'go', 'history', 'detach', 'leave', 'next-round'])
      expect(ids).not.toContain(id);
  });

  it('sees what another session on the file decides, before it adds to the journal and within a second', async () => {
    const first = await opened();
    const second = await opened(first.file);
    await first.press('x');
    // Without knowing the first one's rows, this undo would have had nothing to undo, nor the next one.
    await second.press('u');
    await first.press('u', 'j', 't');
    expect(marks(first.file).map(({ action }) => action)).toEqual(['decide', 'undo', 'decide']);
    await vi.waitFor(() => expect(second.store.state().run?.decisions.decisions).toHaveLength(1), 5000);
    expect(second.session.write()).toBe(2);
    for (const { session } of [first, second]) session.close();
    const third = await opened(first.file);
    expect(third.store.state().run?.decisions).toEqual(second.store.state().run?.decisions);
    expect(third.session.warnings).toEqual([]);
    third.session.close();
  });

  it('decides on all that the filter shows by one row, undone at once, under the name of the reviewer', async () => {
    const { file, session, store, press } = await opened();
    await session.send({ type: 'decide', prompt_index: 0, ruling: { kind: 'tie' }, reviewer: 'ann' });
    await session.send({ type: 'decide-all', prompts: [1, 2], ruling: 'confirm', reviewer: 'ann' });
    await settled();
    const pair = { kind: 'pair', chosen: 1, rejected: 0 };
    expect(store.state().run?.decisions.decisions).toMatchObject([
      { ruling: { kind: 'tie' }, reviewer: 'ann' },
      { ruling: pair, reviewer: 'ann' },
      { ruling: pair, reviewer: 'ann' },
    ]);
    expect(marks(file).map(({ action }) => action)).toEqual(['decide', 'decide-all']);
    // A row that a kill has cut short is left out as a whole.
    const whole = readFileSync(journalOf(file), 'utf8');
    writeFileSync(journalOf(file), whole.slice(0, -20));
    expect(readJournal(file, readScoredFile(file, null)).decisions.size).toBe(1);
    writeFileSync(journalOf(file), whole);
    await press('u');
    expect(store.state().run?.decisions).toMatchObject({ decisions: [{ prompt_index: 0 }], undoable: 1, redoable: 1 });
    session.close();
  });

  it('opens a journal that two sessions have damaged, and names the line it skips', async () => {
    const file = scoredFile();
    const decide = { at: '', action: 'decide', decision: { prompt_index: 1, ruling: { kind: 'tie' }, note: '' } };
    const rows = [decide, { at: '', action: 'undo' }, { at: '', action: 'undo' }, decide];
    writeFileSync(journalOf(file), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const { session, store } = await opened(file);
    expect(session.warnings).toEqual([`${journalOf(file)}:3: there was nothing to undo, so the line is skipped`]);
    expect(store.state().run?.decisions).toMatchObject({ decisions: [{ prompt_index: 1 }], undoable: 1 });
    session.close();
  });

  it('refuses a journal of another file', () => {
    const file = scoredFile();
    const row = { at: '', action: 'decide', decision: { prompt_index: 5, ruling: { kind: 'tie' }, note: '' } };
    writeFileSync(journalOf(file), `${JSON.stringify(row)}\n`);
    const open = () =>
      new FileSession({ file, scored: readScoredFile(file, null), out: '', alpha: 0, beta: 0.1, tokens: null });
    expect(open).toThrow(/decisions.jsonl does not belong to .* \(there is no prompt 6\); move it away/);
    row.decision = { prompt_index: 1, ruling: { kind: 'pair', chosen: 0, rejected: 3 } as never, note: '' };
    writeFileSync(journalOf(file), `${JSON.stringify(row)}\n`);
    expect(open).toThrow(/there is no response 3; there are 0 to 2/);
  });

  it('refuses what needs an engine', async () => {
    const { session } = await opened();
    await expect(session.send({ type: 'launch' })).rejects.toThrow('there is no engine that could do that');
    await expect(session.ask({ type: 'read-plan', round: 1 })).rejects.toThrow('there is no engine');
  });
});

it.each([
  ['scored.jsonl', 'scored.pairs.jsonl'],
  ['a/b.json', 'a/b.pairs.jsonl'],
  ['samples', 'samples.pairs.jsonl'],
])('%s is written to %s', (file, out) => {
  expect(defaultOut(file)).toBe(out);
});
