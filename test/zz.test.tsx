import { it } from 'vitest';
import { frame } from './components/frame.js';
import * as f from './ui/homeFixtures.js';
import { press } from './ui/fixtures.js';
it('x', () => {
  const show = (name: string, s: Parameters<typeof frame>[0]) => console.log(`#### ${name}\n` + frame(s));
  for (const size of [
    { columns: 80, rows: 24 },
    { columns: 160, rows: 50 },
  ]) {
    show('list', f.listed(size));
    show('newer', press(f.listed(size), 'G'));
    show('ready', f.ready(size));
    show('model', press(f.ready(size), 'down', 'down'));
  }
  const size = { columns: 80, rows: 24 };
  show('empty', f.listed(size, []));
  show('opened', f.opened('setup'));
  show(
    'bad',
    press(
      f.answered(f.opened('setup'), {
        model: '/home/ann/work/nowhere does not exist; name a folder with config.json and safetensors',
      }),
      'enter',
    ),
  );
  show('alpha', press(f.ready(size), 'G', 'k', 'k', 'k', 'k'));
  show('edit', press(f.ready(size), 'down', 'down', 'enter', 'x'));
  show('choice', press(f.ready(size), 'G', 'k', 'enter'));
  show('60', f.ready({ columns: 60, rows: 18 }));
  show('help', press(f.ready(size), '?'));
});
