/**
 * Chat completions of an OpenAI-compatible server: `POST …/chat/completions`. Servers differ in what they accept: a
 * request that is refused for its log-probabilities or its token limit is sent in another form, and so are all later
 * ones.
 */
import { z } from 'zod';
import type { RewardOptions } from '../../core/config/schema.js';
import { shownUrl } from '../../core/config/rewardSpec.js';
import { UserError } from '../../core/errors.js';
import { plainText } from '../../core/sanitize.js';
import { judgeKeyVariable, keyIn, type Permission } from '../../core/trust.js';
import { HttpFailure, type HttpRequest, retrying, sendJson } from '../../io/http.js';

/** Alternatives asked for at each token, the most that servers give first; 0 is none. */
const alternatives = [20, 5, 0] as const;

const shownModels = 12;

export class JudgeEndpoint {
  /** The API's base as shown. */
  readonly url: string;
  private readonly base: URL;
  private level = 0;
  private limitKey: 'max_tokens' | 'max_completion_tokens' = 'max_tokens';

  constructor(
    url: URL,
    readonly model: string,
    private readonly options: RewardOptions,
    permission: Permission,
  ) {
    this.base = new URL(url);
    this.base.pathname = url.pathname.replace(/\/+$/, '').replace(/\/chat\/completions$/, '');
    this.url = shownUrl(this.base).replace(/\/$/, '');
    if (keyIn(judgeKeyVariable) !== null)
      permission({ kind: 'key', variable: judgeKeyVariable, origin: this.base.origin });
  }

  /**
   * The answer to one message of a user.
   *
   * @param about completes "while …" in errors
   * @throws UserError
   */
  async complete(content: string, about: string): Promise<unknown> {
    for (;;) {
      const form = { level: this.level, limitKey: this.limitKey };
      try {
        return await this.send('/chat/completions', { method: 'POST', body: this.body(content) });
      } catch (error) {
        if (!(error instanceof HttpFailure)) throw error;
        if (this.adapts(error, form)) continue;
        throw await this.problem(error, about);
      }
    }
  }

  private body(content: string): object {
    const { temperature, max_tokens } = this.options.judge;
    const top = alternatives[this.level];
    return {
      model: this.model,
      messages: [{ role: 'user', content }],
      temperature,
      [this.limitKey]: max_tokens,
      stream: false,
      ...(top > 0 ? { logprobs: true, top_logprobs: top } : {}),
    };
  }

  private send(path: string, request: Pick<HttpRequest, 'method' | 'body'>): Promise<unknown> {
    const { timeout_seconds: timeoutSeconds, retries } = this.options;
    const url = new URL(this.base);
    url.pathname = `${this.base.pathname.replace(/\/$/, '')}${path}`;
    const whole = {
      ...request,
      key: keyIn(judgeKeyVariable),
      timeoutSeconds,
      timeoutKey: 'rewards.timeout_seconds',
    };
    return retrying(() => sendJson(url, whole), retries);
  }

  /** Whether the request can be sent in another form. Requests under way together are refused together. */
  private adapts({ status, text }: HttpFailure, form: { level: number; limitKey: string }): boolean {
    if (![400, 403, 422].includes(status ?? 0)) return false;
    if (/max_completion_tokens/.test(text) && form.limitKey === 'max_tokens') {
      this.limitKey = 'max_completion_tokens';
      return true;
    }
    if (!/logprob/i.test(text) || alternatives[form.level] === 0) return false;
    this.level = Math.max(this.level, form.level + 1);
    return true;
  }

  private async problem(failure: HttpFailure, about: string): Promise<UserError> {
    const { status, message, text } = failure;
    const told = `judge ${this.url} ${message} while ${about}`;
    const kept = 'everything judged before is kept';
    if (status === 401 || status === 403) {
      const key =
        keyIn(judgeKeyVariable) === null
          ? `put its key into the environment variable ${judgeKeyVariable}`
          : `check the key in ${judgeKeyVariable}`;
      return new UserError(`${told}; ${key}; ${kept}`, { cause: failure });
    }
    if (status === 404 || (status !== null && status < 500 && /model/i.test(text))) {
      const served = await this.served();
      if (served === null && status === 404)
        return new UserError(
          `${told}; expected the base URL of an OpenAI-compatible API, which usually ends in /v1; ${kept}`,
          { cause: failure },
        );
      if (served !== null && !served.includes(this.model)) {
        const list = served.slice(0, shownModels).join(', ') + (served.length > shownModels ? ', …' : '');
        return new UserError(
          `judge ${this.url} does not serve the model ${this.model}; it serves ${served.length === 0 ? 'none' : plainText(list)}`,
          { cause: failure },
        );
      }
    }
    return new UserError(`${told}; ${kept}`, { cause: failure });
  }

  /** Names of the served models; null if the server does not list them. */
  private async served(): Promise<string[] | null> {
    try {
      const answer = await this.send('/models', { method: 'GET' });
      const { data } = z.object({ data: z.array(z.object({ id: z.string() })) }).safeParse(answer);
      return data?.data.map(({ id }) => id) ?? null;
    } catch (error) {
      if (error instanceof HttpFailure) return null;
      throw error;
    }
  }
}
