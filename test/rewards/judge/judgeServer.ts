/** A judge on loopback that speaks OpenAI's `/v1/chat/completions`, and answers what a test tells it to. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A judge's answer: text, or text with what else a completion holds. */
export interface Said {
  content: string | null;
  /** Tokens of the content with the probabilities of the alternatives at each. */
  tokens?: [token: string, alternatives: Record<string, number>][];
  finish_reason?: string;
  refusal?: string;
  /** null: the server does not count. */
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
}

export interface Asked {
  model: string;
  temperature: number;
  max_tokens?: number;
  max_completion_tokens?: number;
  logprobs?: boolean;
  top_logprobs?: number;
  messages: [{ role: string; content: string }];
}

/** An error status with its body; 0 leaves the request unanswered. */
export interface Failed {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface JudgeServer {
  /** `judge:URL#judge` */
  spec: string;
  base: string;
  origin: string;
  /** The bodies of all requests so far. */
  asked: Asked[];
  /** Most requests that were under way at once. */
  most(): number;
  close(): void;
}

export async function startJudge(
  answer: (asked: Asked, request: IncomingMessage) => string | Said | Failed,
  models: string[] | null = ['judge'],
  delay = 0,
): Promise<JudgeServer> {
  const asked: Asked[] = [];
  let open = 0;
  let most = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url?.endsWith('/models')) {
        if (models === null) response.writeHead(404).end();
        else response.end(JSON.stringify({ data: models.map((id) => ({ id })) }));
        return;
      }
      open++;
      most = Math.max(most, open);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Asked;
      asked.push(body);
      const said = answer(body, request);
      setTimeout(() => {
        open--;
        if (typeof said !== 'string' && 'status' in said) {
          if (said.status > 0) response.writeHead(said.status, said.headers).end(JSON.stringify(said.body ?? {}));
          return;
        }
        response.end(JSON.stringify(completion(typeof said === 'string' ? { content: said } : said, body)));
      }, delay);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    spec: `judge:${origin}/v1#judge`,
    base: `${origin}/v1`,
    origin,
    asked,
    most: () => most,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** As the server would send it. */
export function completion(
  { content, tokens, finish_reason = 'stop', refusal, usage = { prompt_tokens: 100, completion_tokens: 2 } }: Said,
  asked: Pick<Asked, 'logprobs'> = { logprobs: true },
): unknown {
  const listed = tokens?.map(([token, alternatives]) => ({
    token,
    logprob: Math.log(alternatives[token]),
    top_logprobs: Object.entries(alternatives).map(([other, p]) => ({ token: other, logprob: Math.log(p) })),
  }));
  return {
    id: 'x',
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, ...(refusal === undefined ? {} : { refusal }) },
        finish_reason,
        logprobs: listed === undefined || asked.logprobs !== true ? null : { content: listed },
      },
    ],
    ...(usage === null ? {} : { usage: { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens } }),
  };
}

/** The two responses of a comparison, from the bundled prompt. */
export function shownIn({ messages: [{ content }] }: Asked): { first: string; second: string } {
  const [, first, second] =
    /<response_A>\n([^]*?)\n<\/response_A>\n\n<response_B>\n([^]*?)\n<\/response_B>/.exec(content) ?? [];
  return { first, second };
}
