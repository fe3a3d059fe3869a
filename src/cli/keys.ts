/** `brevity keys`: every action with its name and its keys, the user's own included. */
import { Command } from 'commander';
import { withBindings } from '../../components/app/bindings.js';
import { keyRows } from '../../components/app/keysPage.js';
import { definitions } from '../../components/screens/index.js';
import { largest } from '../core/limits.js';
import { jsonLine, print } from '../io/print.js';
import { keyFile, readBindings } from './keyFile.js';
import { examples } from './options.js';

export function keysCommand(): Command {
  return new Command('keys')
    .description('list every action with its name and keys; keys.json gives actions other keys (docs/terminal.md)')
    .option('--json', 'one JSON object per action instead of a table', false)
    .addHelpText('after', examples('keys'))
    .action((options) => {
      const bindings = readBindings(process.env);
      const sections = keyRows(withBindings(definitions, bindings));
      if (options.json) {
        for (const { title, rows } of sections)
          for (const { id, keys, help } of rows)
            print(jsonLine({ name: id, keys, help, where: title, own: id in bindings }));
        return;
      }
      const rows = sections.flatMap((section) => section.rows);
      const width = largest(rows.map(({ id }) => id.length));
      for (const { title, rows: listed } of sections) {
        print(`${title}\n`);
        for (const { id, keys, help } of listed)
          print(`  ${id.padEnd(width)}  ${(keys.join(' ') + (id in bindings ? ' *' : '')).padEnd(20)}  ${help}\n`);
      }
      const count = Object.keys(bindings).length;
      print(count === 0 ? `Give actions other keys in ${keyFile(process.env)}.\n` : `* from ${keyFile(process.env)}\n`);
    });
}
