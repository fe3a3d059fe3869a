/** Tests allow rewards in a state directory of their own, which child processes inherit; never in the user's. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export default function setup(): () => void {
  const directory = mkdtempSync(path.join(tmpdir(), 'brevity-state-'));
  process.env['XDG_STATE_HOME'] = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
