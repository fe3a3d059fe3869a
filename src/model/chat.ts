/** Chat templates (Jinja) of a tokenizer folder. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Template } from '@huggingface/jinja';
import { UserError, messageOf } from '../errors.js';
import type { Message } from '../rows.js';

export interface ChatTemplate {
  render(messages: Message[], addGenerationPrompt: boolean): string;
}

/**
 * The folder's template: chat_template.jinja, or `chat_template` of tokenizer_config.json as a string or as a list of
 * named templates (then the one named `default`). null where there is none.
 */
export function loadChatTemplate(dir: string, tokenizerConfig: Record<string, unknown>): ChatTemplate | null {
  const file = path.join(dir, 'chat_template.jinja');
  const source = existsSync(file) ? readFileSync(file, 'utf8') : fromConfig(tokenizerConfig.chat_template);
  if (source === null) return null;
  const where = existsSync(file) ? file : `${path.join(dir, 'tokenizer_config.json')}: chat_template`;
  let template: Template;
  try {
    template = new Template(source);
  } catch (cause) {
    throw new UserError(`${where} is no Jinja template that can be read (${messageOf(cause)})`, { cause });
  }
  const variables = {
    bos_token: tokenText(tokenizerConfig.bos_token) ?? '',
    eos_token: tokenText(tokenizerConfig.eos_token) ?? '',
    pad_token: tokenText(tokenizerConfig.pad_token) ?? '',
    unk_token: tokenText(tokenizerConfig.unk_token) ?? '',
  };
  return {
    render(messages, addGenerationPrompt) {
      try {
        return template.render({ ...variables, messages, add_generation_prompt: addGenerationPrompt });
      } catch (cause) {
        throw new UserError(`${where} cannot render this conversation (${messageOf(cause)})`, { cause });
      }
    },
  };
}

function fromConfig(template: unknown): string | null {
  if (typeof template === 'string') return template;
  if (!Array.isArray(template)) return null;
  const named = template as { name?: string; template?: string }[];
  return (named.find(({ name }) => name === 'default') ?? named[0])?.template ?? null;
}

/** A special token of tokenizer_config.json: a string, or an object that holds it. */
export function tokenText(token: unknown): string | null {
  if (typeof token === 'string') return token;
  if (typeof token === 'object' && token !== null && 'content' in token && typeof token.content === 'string')
    return token.content;
  return null;
}
