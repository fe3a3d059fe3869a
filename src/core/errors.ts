/** Longest message, in characters: a quoted key or value of a file may be megabytes long. */
const MOST = 8000;

/**
 * An error that a user can cause and fix. Its message is one sentence that says what was wrong, where (file, line,
 * key), what was expected and what to do. Commands print it without a stack and exit with `exitCode`.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** 1: the work failed. 2: the arguments or the configuration are unusable. */
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message.length > MOST ? `${message.slice(0, MOST)}…` : message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The message of anything that was thrown, for embedding into a sentence. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether an error of the operating system has one of these codes (`ENOENT`, …). */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(error.code as string);
}

/** The underlying error: some errors, such as fetch's, only say that something failed. */
export const causeOf = (error: unknown): unknown =>
  error instanceof Error && error.cause instanceof Error ? error.cause : error;
