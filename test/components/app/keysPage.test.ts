import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { keyTable } from '../../../components/app/keys.js';
import { keysDocument } from '../../../components/app/keysPage.js';
import { definitions } from '../../../components/screens/index.js';

const table = keyTable(definitions);

it('docs/keys.md is what the key table says: `npm run keys` writes it', () => {
  const written = readFileSync(path.resolve(import.meta.dirname, '../../../docs/keys.md'), 'utf8');
  expect(written).toBe(keysDocument(definitions));
  for (const { help } of table) expect(written).toContain(help);
});
