/**
 * A judge's prompts: text files with placeholders, filled with a prompt and the responses to it. What is filled in was
 * written by a model that may be rewarded for winning, so it must not pass for the file's own text.
 */
import { UserError } from '../../core/errors.js';
import type { Prompt } from '../../core/rows.js';
import { bundledFile } from '../../io/bundled.js';
import { readTextFile } from '../../io/files.js';

const placeholders = {
  compare: ['prompt', 'first', 'second'],
  grade: ['prompt', 'response'],
} as const;

/** `compare`: asks for the better one of two responses. `grade`: asks for a grade of one. */
export type Question = keyof typeof placeholders;

type Placeholder = (typeof placeholders)[Question][number];

export class Template {
  private readonly text: string;
  /** The file's own tags, such as `</response_A>`, whatever their case and inner spaces. */
  private readonly tags: RegExp | null;

  /** @throws UserError that names the file and the placeholder that it lacks */
  constructor(
    readonly question: Question,
    readonly file: string,
  ) {
    this.text = readTextFile(file).trim();
    for (const name of placeholders[question])
      if (!this.text.includes(`{${name}}`))
        throw new UserError(
          `the judge's prompt ${file} lacks {${name}}; expected ${placeholders[question].map((each) => `{${each}}`).join(', ')}, each at least once`,
        );
    const names = [...this.text.matchAll(/<\/?([A-Za-z][\w-]*)>/g)].map(([, name]) => name);
    this.tags = names.length === 0 ? null : new RegExp(`<(\\s*(?:/\\s*)?(?:${names.join('|')})\\s*)>`, 'gi');
  }

  /** @param file of the user; null: the bundled one */
  static open(question: Question, file: string | null): Template {
    return new Template(question, file ?? bundledFile(`judge/${question}.txt`));
  }

  /** One pass, so that a placeholder in a response stays as it is. */
  fill(values: Partial<Record<Placeholder, string>>): string {
    return this.text.replace(/\{(prompt|first|second|response)\}/g, (whole, name: Placeholder) => {
      const value = values[name];
      return value === undefined ? whole : this.quoted(value);
    });
  }

  /** The file's tags in a text become ‹/response_A›; other tags, which may be the answer's code, stay. */
  private quoted(text: string): string {
    return this.tags === null ? text : text.replace(this.tags, '‹$1›');
  }
}

/** A conversation as text; a single message of a user stands alone. */
export function conversationText(prompt: Prompt): string {
  if (typeof prompt === 'string') return prompt;
  if (prompt.length === 1 && prompt[0].role === 'user') return prompt[0].content;
  return prompt.map(({ role, content }) => `[${role}]\n${content}`).join('\n\n');
}
