/** `npm run man`: writes man/brevity.1 from the definitions of the commands. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { allCommands, commands } from '../src/cli/commands.js';
import { brevityVersion } from '../src/io/version.js';
import { manPage } from './manPage.js';

const file = path.resolve(import.meta.dirname, '../man/brevity.1');
mkdirSync(path.dirname(file), { recursive: true });
writeFileSync(file, manPage(await allCommands(), commands, brevityVersion));
