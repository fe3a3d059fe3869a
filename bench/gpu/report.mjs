/** Prints the results of verify.sh's steps, a folder of NAME.out, NAME.status and NAME.seconds, as JSON. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const folder = process.argv[2];
const text = (name) => readFileSync(path.join(folder, name), 'utf8');
const steps = {};
for (const file of readdirSync(folder).sort()) {
  if (!file.endsWith('.status')) continue;
  const name = path.basename(file, '.status');
  const passed = text(file).trim() === '0';
  const lines = text(`${name}.out`).trim().split('\n');
  const figures = /^(bench|peer)-/.test(name) && passed ? JSON.parse(lines.at(-1)) : undefined;
  steps[name] = {
    passed,
    seconds: Number(text(`${name}.seconds`)),
    figures,
    output: passed ? lines.at(-1) : lines.slice(-40),
  };
}
const device = JSON.parse(text('device.json'));
const passed = Object.values(steps).every((step) => step.passed);
console.log(JSON.stringify({ date: new Date().toISOString().slice(0, 10), passed, device, steps }, null, 2));
