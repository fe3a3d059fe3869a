/** Chat templates (Jinja) of a tokenizer folder. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UserError, messageOf } from '../core/errors.js';
import type { Message } from '../core/rows.js';
import { checkKeys } from './files.js';
import { compileTemplate } from './jinja.js';
import { readTextFile } from '../io/files.js';

export interface ChatTemplate {
  /** @throws UserError if the template refuses the conversation, for example a system message */
  render(messages: Message[], addGenerationPrompt: boolean): string;
}

const configSchema = z.looseObject({
  chat_template: z.union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))]).nullish(),
});

/**
 * The folder's template: chat_template.jinja, or `chat_template` of tokenizer_config.json as a string or as a list of
 * named templates (then the one named `default`); null if the folder has none.
 *
 * @param specialTokens by their names in templates, for example `bos_token`
 */
export function loadChatTemplate(
  dir: string,
  tokenizerConfig: Record<string, unknown>,
  specialTokens: Record<string, string>,
): ChatTemplate | null {
  const file = path.join(dir, 'chat_template.jinja');
  const configFile = path.join(dir, 'tokenizer_config.json');
  const fromFile = existsSync(file);
  const where = fromFile ? file : `chat_template of ${configFile}`;
  const source = fromFile
    ? readTextFile(file)
    : defaultTemplate(checkKeys(configSchema, tokenizerConfig, configFile).chat_template ?? null, where);
  if (source === null) return null;
  let template: ReturnType<typeof compileTemplate>;
  try {
    template = compileTemplate(source);
  } catch (cause) {
    throw new UserError(`${where} is no Jinja template that can be read (${messageOf(cause)})`, { cause });
  }
  return {
    render(messages, addGenerationPrompt) {
      try {
        return template.render({ ...specialTokens, messages, add_generation_prompt: addGenerationPrompt });
      } catch (cause) {
        throw new UserError(`${where} refuses this conversation: ${messageOf(cause)}`, { cause });
      }
    },
  };
}

type Named = { name: string; template: string };

function defaultTemplate(template: string | Named[] | null, where: string): string | null {
  if (!Array.isArray(template)) return template;
  const chosen = template.find(({ name }) => name === 'default');
  if (chosen === undefined) {
    throw new UserError(`${where} names ${template.map(({ name }) => name).join(', ')}; expected one named default`);
  }
  return chosen.template;
}
