/** `npm run keys`: writes docs/keys.md from the key table. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { keysDocument } from '../components/app/keysPage.js';
import { definitions } from '../components/screens/index.js';

writeFileSync(path.resolve(import.meta.dirname, '../docs/keys.md'), keysDocument(definitions));
