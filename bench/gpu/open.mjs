/** Opens the GPU and prints as JSON what it is; where it cannot be opened, one sentence on standard error. */
import { createRequire } from 'node:module';

try {
  const addon = createRequire(import.meta.url)('@brevity/native');
  const { description } = addon.open('cuda', 1, Number.MAX_SAFE_INTEGER, false, 'bf16');
  console.log(JSON.stringify({ description, ...addon.measure() }));
  addon.close();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
