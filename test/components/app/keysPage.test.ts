import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { keyTable } from '../../../components/app/keys.js';
import { keysDocument } from '../../../components/app/keysPage.js';

it('docs/keys.md is what the key table says: `npm run keys` writes it', () => {
  const written = readFileSync(path.resolve(import.meta.dirname, '../../../docs/keys.md'), 'utf8');
  expect(written).toBe(keysDocument());
  for (const { help } of keyTable) expect(written).toContain(help);
});
