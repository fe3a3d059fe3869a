/** Rewards from real servers on this machine, in each contract, well-behaved and not. */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { rewardOptionsSchema } from '../../src/core/config/schema.js';
import { type Permission, namedByUser, openReward, permissionIn } from '../../src/rewards/index.js';
import { trust } from '../../src/io/trust.js';
import { goldenFolder } from '../golden.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();

type Handler = (body: Record<string, unknown>, request: IncomingMessage, response: ServerResponse) => unknown;

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  vi.unstubAllEnvs();
});

/** Serves JSON: what the handler returns, unless it has answered itself. @returns the base URL */
async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const answer = handler(text === '' ? {} : (JSON.parse(text) as Record<string, unknown>), request, response);
      if (answer !== undefined) response.end(JSON.stringify(answer));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const inputs = Array.from({ length: 7 }, (_, i) => ({ prompt: `prompt ${i}`, response: 'x'.repeat(i + 1) }));
const lengths = inputs.map(({ prompt, response }) => `${prompt}\n${response}`.length);
const lengthOf = (text: string) => text.length;

async function score(
  spec: string,
  options: object = {},
  permission: Permission = namedByUser,
): Promise<{ rewards: number[]; error: string }> {
  const rewards: number[] = [];
  try {
    const reward = await openReward(
      spec,
      rewardOptionsSchema.parse({ batch_size: 3, concurrency: 2, retries: 2, timeout_seconds: 2, ...options }),
      permission,
    );
    await reward.score(inputs, { onReward: (index, value) => (rewards[index] = value) });
    return { rewards, error: '' };
  } catch (error) {
    return { rewards, error: (error as Error).message };
  }
}

describe('contracts', () => {
  it("vLLM's /classify, which names its model and may answer out of order", async () => {
    const seen: unknown[] = [];
    const base = await serve((body, request) => {
      if (request.url === '/v1/models') return { data: [{ id: 'served-model' }] };
      seen.push([body.model, body.use_activation]);
      return { data: (body.input as string[]).map((text, index) => ({ index, probs: [lengthOf(text)] })).reverse() };
    });
    expect(await score(`${base}/classify`)).toEqual({ rewards: lengths, error: '' });
    expect(seen[0]).toEqual(['served-model', false]);
  });
  it('vLLM behind a prefix, whose models are asked for behind it too', async () => {
    const base = await serve((body, request) => {
      if (request.url === '/judge/v1/models') return { data: [{ id: 'served-model' }] };
      expect([request.url, body.model]).toEqual(['/judge/classify', 'served-model']);
      return { data: (body.input as string[]).map((text, index) => ({ index, probs: [lengthOf(text)] })) };
    });
    expect(await score(`${base}/judge/classify`)).toEqual({ rewards: lengths, error: '' });
  });
  it("vLLM's /pooling, with the model in the URL", async () => {
    const base = await serve((body, request) => {
      expect([request.url, body.model, body.task]).toEqual(['/pooling', 'mine', 'classify']);
      return { data: (body.input as string[]).map((text, index) => ({ index, data: [lengthOf(text)] })) };
    });
    expect(await score(`${base}/pooling?model=mine`)).toEqual({ rewards: lengths, error: '' });
  });
  it("Text Embeddings Inference's /predict, whose inputs are nested", async () => {
    const base = await serve((body) => {
      expect(body).toMatchObject({ raw_scores: true, truncate: true });
      return (body.inputs as string[][]).map(([text]) => [{ score: lengthOf(text), label: 'LABEL_0' }]);
    });
    expect(await score(`${base}/predict`)).toEqual({ rewards: lengths, error: '' });
  });
  it("OpenRLHF's /get_reward, with a tokenizer's chat template", async () => {
    const texts: string[] = [];
    const base = await serve((body) => {
      texts.push(...(body.query as string[]));
      return { rewards: (body.query as string[]).map(lengthOf) };
    });
    const folder = `${goldenFolder}tokenizers/bpe-qwen`;
    const { error, rewards } = await score(`${base}/get_reward?tokenizer=${encodeURIComponent(folder)}`, {
      concurrency: 1,
    });
    expect(error).toBe('');
    expect(rewards.length).toBe(7);
    expect(texts[0]).toContain('prompt 0');
    expect(texts[0]).not.toBe('prompt 0\nx');
  });
  it('another path is refused', async () => {
    expect((await score('http://127.0.0.1:1/score')).error).toMatch(
      /ends in \/score; expected one of \/classify, \/pooling, \/predict, \/get_reward/,
    );
  });
});

describe('BREVITY_REWARD_KEY', () => {
  /** vLLM's /classify, which notes the path and the Authorization header of each request. */
  async function noting(): Promise<{ base: string; seen: [path: string, authorization: string | undefined][] }> {
    const seen: [string, string | undefined][] = [];
    const base = await serve((body, request) => {
      seen.push([request.url ?? '', request.headers.authorization]);
      if (request.url === '/v1/models') return { data: [{ id: 'served-model' }] };
      return { data: (body.input as string[]).map((text, index) => ({ index, probs: [lengthOf(text)] })) };
    });
    return { base, seen };
  }

  const key = (origin: string) => ({ kind: 'key', variable: 'BREVITY_REWARD_KEY', origin }) as const;

  it('reaches a server that is allowed in the run, with every request, and not one that is not allowed', async () => {
    const run = fresh();
    vi.stubEnv('XDG_STATE_HOME', fresh());
    vi.stubEnv('BREVITY_REWARD_KEY', 's3cret');
    const [allowed, other] = [await noting(), await noting()];
    trust(run, [key(allowed.base)], 'asked');
    const one = { concurrency: 1, batch_size: 7 };
    expect(await score(`${allowed.base}/classify`, one, permissionIn(run))).toEqual({ rewards: lengths, error: '' });
    expect(allowed.seen).toEqual([
      ['/v1/models', 'Bearer s3cret'],
      ['/classify', 'Bearer s3cret'],
    ]);

    // The same machine on another port is another server.
    const refused = await score(`${other.base}/classify`, one, permissionIn(run));
    expect(refused.rewards).toEqual([]);
    expect(refused.error).toContain(`would send BREVITY_REWARD_KEY to ${other.base}`);
    expect(refused.error).not.toContain('s3cret');
    // Nor is it sent beside a server that is allowed, or in another run.
    expect((await score(`${allowed.base}/classify+${other.base}/classify`, one, permissionIn(run))).error).toContain(
      `would send BREVITY_REWARD_KEY to ${other.base}`,
    );
    expect((await score(`${other.base}/classify`, one, permissionIn(fresh()))).error).toContain('would send');
    expect(other.seen).toEqual([]);
  });

  it('is not passed on to a server that an allowed one redirects to', async () => {
    const run = fresh();
    vi.stubEnv('XDG_STATE_HOME', fresh());
    vi.stubEnv('BREVITY_REWARD_KEY', 's3cret');
    const other = await noting();
    let sent: string | undefined;
    const allowed = await serve((_body, request, response) => {
      sent = request.headers.authorization;
      response.writeHead(307, { location: `${other.base}/classify` }).end();
    });
    trust(run, [key(allowed)], 'asked');
    await score(`${allowed}/classify?model=m`, { concurrency: 1, batch_size: 7 }, permissionIn(run));
    expect(sent).toBe('Bearer s3cret');
    expect(other.seen).toEqual([['/classify', undefined]]);
  });

  it('that is empty or unset sends no header', async () => {
    vi.stubEnv('BREVITY_REWARD_KEY', '');
    const { base, seen } = await noting();
    await score(`${base}/classify?model=m`, { batch_size: 7 }, permissionIn(fresh()));
    expect(seen).toEqual([['/classify', undefined]]);
  });
});

describe('failures', () => {
  it('a 500 is tried again', async () => {
    let calls = 0;
    const base = await serve((body, _request, response) => {
      if (++calls % 2 === 1) {
        response.statusCode = 503;
        return { error: 'busy' };
      }
      return { rewards: (body.query as string[]).map(lengthOf) };
    });
    expect(await score(`${base}/get_reward`, { concurrency: 1 })).toEqual({ rewards: lengths, error: '' });
    expect(calls).toBe(6);
  });
  it('one that stays is told, with the prompt, and what was scored is kept', async () => {
    const base = await serve((body, _request, response) => {
      if ((body.query as string[])[0].startsWith('prompt 3')) response.statusCode = 500;
      return response.statusCode === 500
        ? { error: 'out of memory' }
        : { rewards: (body.query as string[]).map(lengthOf) };
    });
    const { rewards, error } = await score(`${base}/get_reward`, { concurrency: 1, retries: 1 });
    expect(error).toMatch(
      /answered 500 .*out of memory.* while scoring the response to "prompt 3"; everything scored before is kept/,
    );
    expect(rewards).toEqual(lengths.slice(0, 3));
  });
  it('a 404 is not tried again', async () => {
    let calls = 0;
    const base = await serve((_body, _request, response) => {
      calls++;
      response.statusCode = 404;
      return {};
    });
    expect((await score(`${base}/get_reward`, { concurrency: 1 })).error).toMatch(/answered 404/);
    expect(calls).toBe(1);
  });
  it('a server that hangs', async () => {
    const base = await serve(() => undefined);
    expect((await score(`${base}/get_reward`, { timeout_seconds: 0.2, retries: 0 })).error).toMatch(
      /did not answer within 0\.2 s .*"prompt 0"/,
    );
  });
  it('a server that is not there', async () => {
    expect((await score('http://127.0.0.1:9/get_reward', { retries: 0 })).error).toMatch(/cannot be reached/);
  });
  it.each<[string, Handler, RegExp]>([
    ['text that is no JSON', (_body, _request, response) => void response.end('<html>'), /not JSON/],
    ['another form', () => ({ scores: [1] }), /answer of another form .*"scores"/],
    ['too few', () => ({ rewards: [1] }), /gave 1 rewards for 3 responses/],
    [
      'null',
      (body) => ({ rewards: (body.query as string[]).map(() => null) }),
      /gave null .*"prompt 0"; expected a finite number/,
    ],
  ])('an answer of %s', async (_name, handler, says) => {
    const base = await serve(handler);
    expect((await score(`${base}/get_reward`, { concurrency: 1 })).error).toMatch(says);
  });
  it.each<[string, string, Handler]>([
    [
      '/classify of two labels',
      '/classify?model=m',
      (body) => ({ data: (body.input as string[]).map((_, index) => ({ index, probs: [0.9, 0.1] })) }),
    ],
    [
      '/predict of two labels, the likelier one first',
      '/predict',
      (body) => (body.inputs as string[]).map(() => [{ score: 0.9 }, { score: 0.1 }]),
    ],
    [
      '/pooling that gives one index twice',
      '/pooling?model=m',
      (body) => ({ data: (body.input as string[]).map(() => ({ index: 0, data: [1] })) }),
    ],
  ])('no reward is guessed from %s', async (_name, path, handler) => {
    const base = await serve(handler);
    expect(await score(base + path, { concurrency: 1 })).toEqual({
      rewards: [],
      error: expect.stringMatching(/another form .*"prompt 0".*expected one score for each response/) as string,
    });
  });
  it.each<[string, Handler]>([
    [
      'that never ends',
      (_body, _request, response) => {
        const more = () => {
          while (!response.destroyed && response.write(' '.repeat(2 ** 16)));
        };
        response.on('drain', more);
        more();
      },
    ],
    [
      'of 256 MB in 256 kB of gzip',
      (_body, _request, response) => {
        response.setHeader('content-encoding', 'gzip');
        response.end(gzipSync(Buffer.alloc(256 * 2 ** 20, ' ')));
      },
    ],
  ])('an answer %s is cut at 16 MB and not tried again', async (_name, handler) => {
    let calls = 0;
    const base = await serve((...all) => (calls++, handler(...all)));
    const before = process.memoryUsage.rss();
    const { error } = await score(`${base}/get_reward`, { concurrency: 1, timeout_seconds: 30 });
    expect(error).toMatch(/^http:.*get_reward sent more than 16 MB; .* while scoring the response to "prompt 0"/);
    expect(calls).toBe(1);
    // The test's own server makes and compresses the 256 MB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(500 * 2 ** 20);
  });
  it('a failure with an endless body is told from its beginning', async () => {
    const base = await serve((_body, _request, response) => {
      response.statusCode = 400;
      const more = () => {
        while (!response.destroyed && response.write('no. '.repeat(2 ** 14)));
      };
      response.on('drain', more);
      more();
    });
    expect((await score(`${base}/get_reward`, { concurrency: 1 })).error).toMatch(/answered 400 no\. no\. /);
  });
  it("keeps the server's escapes out of errors", async () => {
    const base = await serve((_body, _request, response) => {
      response.statusCode = 400;
      response.end('\u001b]52;c;x\u0007bad \u009b2J');
    });
    expect((await score(`${base}/get_reward`, { concurrency: 1 })).error).toMatch(/answered 400 {2}]52;c;x bad {2}2J/);
  });
  it.each(['stop', 'abort'] as const)('%s ends it after the request under way', async (verdict) => {
    const base = await serve((body) => ({ rewards: (body.query as string[]).map(lengthOf) }));
    const reward = await openReward(
      `${base}/get_reward`,
      rewardOptionsSchema.parse({ batch_size: 3, concurrency: 1 }),
      namedByUser,
    );
    const rewards: number[] = [];
    let points = 0;
    await reward.score(inputs, {
      onReward: (index, value) => (rewards[index] = value),
      control: { point: () => Promise.resolve(points++ === 0 ? 'go' : verdict) },
    });
    expect(rewards).toEqual(lengths.slice(0, 3));
  });
});
