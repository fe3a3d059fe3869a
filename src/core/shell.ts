/** Command lines for a person to type, for messages that say what to do next. */

/** The command that the user typed. The engine and other child processes inherit it, so that their messages name it. */
export const commandVariable = 'BREVITY_COMMAND';

/** A command line to type: `commandLine('auto runs/example')` is `npm start -- auto runs/example` in a clone. */
export function commandLine(args: string): string {
  return `${process.env[commandVariable] ?? 'brevity'} ${args}`.trimEnd();
}

/** Quotes a word for a POSIX shell. A leading `~` is left to the shell. */
export function shellQuote(word: string): string {
  const [, tilde, rest] = /^(~\/)?(.*)$/s.exec(word) as unknown as [string, string | undefined, string];
  const plain = /^[A-Za-z0-9_@%+=:,./-]+$/.test(rest);
  return (tilde ?? '') + (plain ? rest : `'${rest.replaceAll("'", `'\\''`)}'`);
}
