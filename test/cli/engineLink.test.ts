import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { EngineCommand, EngineEvent, Query } from '../../src/protocol/messages.js';
import { type Client, Link, type LinkOptions } from '../../src/cli/engineLink.js';
import type { AppEvent } from '../../components/app/state.js';
import { engine } from '../components/fixtures.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class FakeClient implements Client {
  readonly sent: EngineCommand[] = [];
  refusal: string | null = null;
  closed = false;
  say: (event: EngineEvent) => void = () => {};
  answer: unknown = null;
  readonly asked: Query[] = [];
  ask(query: Query): Promise<unknown> {
    this.asked.push(query);
    return this.refusal === null ? Promise.resolve(this.answer) : Promise.reject(new Error(this.refusal));
  }
  send(command: EngineCommand): Promise<void> {
    this.sent.push(command);
    return this.refusal === null ? Promise.resolve() : Promise.reject(new Error(this.refusal));
  }
  on(listener: (event: EngineEvent) => void): void {
    this.say = listener;
  }
  close(): void {
    this.closed = true;
  }
}

async function opened(start: () => Promise<void> = () => Promise.resolve()) {
  const clients: FakeClient[] = [];
  const actions: AppEvent[] = [];
  const take = (action: AppEvent) => void actions.push(action);
  const attach: LinkOptions['attach'] = async (use, listener) => {
    await start();
    const client = new FakeClient();
    clients.push(client);
    use(client);
    client.on(listener);
    await client.send({ type: 'attach', client: 'tui' });
  };
  const link = new Link({ attach, now: take, soon: take });
  await link.open();
  return { link, clients, actions };
}

it('attaches and passes events on', async () => {
  const { clients, actions } = await opened();
  expect(clients[0].sent).toEqual([{ type: 'attach', client: 'tui' }]);
  clients[0].say({ type: 'engine', engine });
  expect(actions).toEqual([{ type: 'engine', engine }]);
});

it('says why there is no engine', async () => {
  const { actions } = await opened(() => Promise.reject(new Error('the engine did not start: no such model')));
  expect(actions).toEqual([
    { type: 'link', link: { status: 'lost', reason: 'the engine did not start: no such model' } },
  ]);
});

it('sends settings once they rest, as one command', async () => {
  const { link, clients } = await opened();
  for (const alpha of [0.021, 0.022, 0.023]) link.send({ type: 'set', settings: { alpha } });
  link.send({ type: 'set', settings: { beta: 0.2 } });
  expect(clients[0].sent).toHaveLength(1);
  vi.advanceTimersByTime(500);
  expect(clients[0].sent.slice(1)).toEqual([{ type: 'set', settings: { alpha: 0.023, beta: 0.2 } }]);
});

it('sends settings that wait before any other command', async () => {
  const { link, clients } = await opened();
  link.send({ type: 'set', settings: { alpha: 0.03 } });
  link.send({ type: 'launch' });
  expect(clients[0].sent.slice(1)).toEqual([{ type: 'set', settings: { alpha: 0.03 } }, { type: 'launch' }]);
});

it('sends settings that wait before it lets go', async () => {
  const { link, clients } = await opened();
  link.send({ type: 'set', settings: { alpha: 0.03 } });
  link.close();
  expect(clients[0].sent.at(-1)).toEqual({ type: 'set', settings: { alpha: 0.03 } });
  expect(clients[0].closed).toBe(true);
});

it('reports what the engine refuses', async () => {
  const { link, clients, actions } = await opened();
  clients[0].refusal = 'nothing is paused';
  link.send({ type: 'resume' });
  await vi.waitFor(() =>
    expect(actions).toEqual([{ type: 'refused', command: 'resume', message: 'nothing is paused' }]),
  );
});

it('opens again after the engine died, and is deaf to the old line', async () => {
  const { link, clients, actions } = await opened();
  clients[0].say({ type: 'bye', reason: 'the engine ended' });
  await link.open();
  expect(clients[1].sent).toEqual([{ type: 'attach', client: 'tui' }]);
  clients[0].say({ type: 'engine', engine });
  expect(actions).toEqual([{ type: 'bye', reason: 'the engine ended' }]);
});

it('fetches only the last of details that are asked for in quick succession', async () => {
  const { link, clients } = await opened();
  for (const prompt_index of [1, 2, 3]) link.ask({ type: 'read-detail', round: 2, prompt_index });
  expect(clients[0].asked).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(clients[0].asked).toEqual([{ type: 'read-detail', round: 2, prompt_index: 3 }]);
  link.ask({ type: 'read-plan', round: 2 });
  expect(clients[0].asked).toHaveLength(2);
});

it('closes a client that comes after the terminal was left', async () => {
  const { link, clients } = await opened();
  const reopened = link.open();
  link.close();
  await reopened;
  expect(clients).toHaveLength(2);
  expect(clients[1].closed).toBe(true);
});
