/**
 * Simulates the sampling of a round: the real queue (src/remote/servers/queue.ts) in virtual time over simulated servers
 * with slow endpoints, failures and restarts, and a client whose one thread takes time for every answer.
 */
import { type QueueEndpoint, runQueue } from '../../src/remote/servers/queue.js';
import { Random } from '../../src/core/seeds.js';
import { VirtualClock } from './clock.js';
import { ConnectionLost, Server, type Speed, Unavailable } from './endpoint.js';

export interface Scenario {
  endpoints: number;
  speed: Speed;
  /** Requests in flight at each endpoint. */
  concurrency: number;
  responses: number;
  lengths: 'equal' | 'mixed';
  /** Longest response, tokens. */
  longest: number;
  /** Seconds of the client's thread per answer. */
  client: number;
  /** Seconds from the client to a server and back. */
  latency: number;
  /** Share of endpoints at a quarter of the speed; at least one if above 0. */
  slow: number;
  /** Mean seconds between failures of one endpoint; Infinity: none fails. */
  failureEvery: number;
  /** Seconds until a failed endpoint serves again; Infinity: never. */
  restart: number;
  /** Share of requests that get a 503. */
  unavailable: number;
  /** `static`: each endpoint gets an equal share of the responses beforehand. */
  balance: 'queue' | 'static';
  seed: number;
}

export interface Simulated {
  seconds: number;
  /**
   * Output tokens of the round over those that the endpoints could have generated in the same time without failures.
   */
  efficiency: number;
  /** The same, counting full speed only while an endpoint was up. */
  efficiencyWhileUp: number;
  /** Output tokens that were generated and thrown away, as a share of the round's. */
  wasted: number;
  /** Share of the time in which the client's thread worked. */
  clientBusy: number;
  retried: number;
  failures: number;
}

/** Log-normal lengths with a median of 300 tokens and σ = 0.7, cut at the longest: about 4 % reach 1,024. */
function lengths({ responses, longest, lengths: kind }: Scenario, random: Random): number[] {
  return Array.from({ length: responses }, () => {
    if (kind === 'equal') return longest;
    const normal = Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
    return Math.max(1, Math.min(longest, Math.round(300 * Math.exp(0.7 * normal))));
  });
}

export async function simulate(scenario: Scenario): Promise<Simulated> {
  const { endpoints, speed } = scenario;
  const clock = new VirtualClock();
  const random = new Random(scenario.seed);
  const tasks = lengths(scenario, random);
  const slowCount = scenario.slow > 0 ? Math.max(1, Math.round(scenario.slow * endpoints)) : 0;
  const speeds = Array.from({ length: endpoints }, (_, i): Speed => {
    const factor = i < slowCount ? 0.25 : 1;
    return { throughput: speed.throughput * factor, single: speed.single * factor, slots: speed.slots };
  });
  const servers = speeds.map((own) => new Server(clock, own));
  let failures = 0;
  const downtime = servers.map(() => 0);
  const downSince: (number | null)[] = servers.map(() => null);
  let over = false;
  const failLater = (index: number): void => {
    if (scenario.failureEvery === Infinity) return;
    clock.after(-scenario.failureEvery * Math.log(1 - random.uniform()), () => {
      if (over) return;
      failures++;
      const since = (downSince[index] = clock.now());
      servers[index].die();
      clock.after(Math.min(scenario.restart, 1e9), () => {
        servers[index].revive();
        if (over) return;
        downtime[index] += clock.now() - since;
        downSince[index] = null;
        failLater(index);
      });
    });
  };
  servers.forEach((_, index) => failLater(index));

  // The client's thread handles one answer after the other.
  let freeAt = 0;
  let clientSeconds = 0;
  const handle = (): Promise<void> => {
    const begin = Math.max(clock.now() + scenario.latency, freeAt);
    freeAt = begin + scenario.client;
    clientSeconds += scenario.client;
    return clock.wait(freeAt - clock.now());
  };
  let retried = 0;

  const queueEndpoints = servers.map((server, index): QueueEndpoint<number, number> => ({
    name: `endpoint ${index + 1}`,
    concurrency: scenario.concurrency,
    async run(tokens, signal) {
      if (random.uniform() < scenario.unavailable) {
        await clock.wait(scenario.latency);
        throw new Unavailable();
      }
      await server.generate(tokens, signal);
      await handle();
      signal.throwIfAborted();
      return tokens;
    },
    classify(error) {
      retried++;
      const lost = error instanceof ConnectionLost;
      return { kind: 'transient', message: lost ? 'does not answer' : 'answered 503', lost };
    },
    async recover(signal) {
      await clock.sleep(scenario.latency, signal);
      if (!server.isAlive) throw new ConnectionLost();
      // Identification and policy verification.
      await clock.sleep(2, signal);
      if (!server.isAlive) throw new ConnectionLost();
    },
  }));

  let useful = 0;
  const run = (own: readonly number[], over: readonly QueueEndpoint<number, number>[]): Promise<unknown> =>
    runQueue(own, over, {
      onResult: (_, tokens) => {
        useful += tokens;
      },
      retries: 20,
      clock,
    });
  const work =
    scenario.balance === 'queue'
      ? run(tasks, queueEndpoints)
      : Promise.all(
          queueEndpoints.map((endpoint, index) =>
            run(
              tasks.filter((_, task) => task % endpoints === index),
              [endpoint],
            ),
          ),
        );
  await clock.run(work);
  over = true;
  const seconds = clock.now();
  const capacity = speeds.reduce((sum, { throughput }) => sum + throughput, 0);
  // Endpoints that are down at the end.
  downSince.forEach((since, index) => (downtime[index] += since === null ? 0 : seconds - since));
  const up = speeds.reduce((sum, { throughput }, i) => sum + throughput * (1 - downtime[i] / seconds), 0);
  const generated = servers.reduce((sum, server) => sum + server.generated, 0);
  return {
    seconds,
    efficiency: useful / (capacity * seconds),
    efficiencyWhileUp: useful / (up * seconds),
    wasted: generated / useful - 1,
    // Answers that arrived but were no longer wanted at the end were never processed.
    clientBusy: (clientSeconds - Math.max(0, freeAt - seconds)) / seconds,
    retried,
    failures,
  };
}
