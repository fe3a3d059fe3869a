/** Command lines that a person can type, for messages that tell what to do next. */

/** The engine and other child processes inherit it, and so name the command that their user typed. */
export const commandVariable = 'BREVITY_COMMAND';

/** A command line to type: `commandLine('auto runs/example')` is `npm start -- auto runs/example` in a clone. */
export function commandLine(args: string): string {
  return `${process.env[commandVariable] ?? 'brevity'} ${args}`.trimEnd();
}

/** A word as a POSIX shell reads it back. `~` at the start is left to the shell. */
export function shellQuote(word: string): string {
  const [, tilde, rest] = /^(~\/)?(.*)$/s.exec(word) as unknown as [string, string | undefined, string];
  const plain = /^[A-Za-z0-9_@%+=:,./-]+$/.test(rest);
  return (tilde ?? '') + (plain ? rest : `'${rest.replaceAll("'", `'\\''`)}'`);
}
