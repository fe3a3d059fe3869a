/** What each key of the list of runs and of the form must do, and a state in which it does. */
import type { State } from '../../components/app/state.js';
import { press, small } from './fixtures.js';
import { entries, listed, moduleForm, ready } from './homeFixtures.js';
import type { KeyEffect } from './keyEffects.js';

const list = listed();
const form = ready();
const choice = press(form, 'G');
const other = (at: number): string => entries[at].directory;

export const homeKeyStates: Record<string, State> = {
  'open-run': list,
  'run-example': listed(small, []),
  demo: list,
  'first-run': listed(small, []),
  'new-run': list,
  'like-run': list,
  'run-up': press(list, 'j'),
  'run-down': list,
  'runs-page-up': press(list, 'G'),
  'runs-page-down': list,
  'newest-run': press(list, 'j'),
  'oldest-run': list,
  'filter-runs': list,
  'look-in': list,
  'end-engine': list,
  'delete-run': list,
  'start-run': form,
  'edit-field': press(form, 'j'),
  'next-choice': choice,
  'previous-choice': choice,
  'field-up': press(form, 'j'),
  'field-down': form,
  'first-field': choice,
  'last-field': form,
  'start-now': press(form, 'j'),
  'as-before': press(form, 'j', 'enter', 'x', 'enter'),
  'save-settings': form,
  'load-settings': form,
  'example-settings': form,
  'try-reward': moduleForm,
  'check-again': form,
  complete: press(form, 'w'),
  'quit-list': list,
};

const task = (of: object) => [{ do: 'home', task: of }];
const selects = (at: number): KeyEffect => ({ becomes: { runs: { selected: other(at) } } });
const focuses = (focus: string): KeyEffect => ({ becomes: { setup: { focus } } });
const types = (owner: string, field: string): KeyEffect => ({ becomes: { modal: { kind: 'edit', owner, field } } });
const asksFirst = (what: string): KeyEffect => ({
  becomes: { modal: { kind: 'confirm', owner: 'runs', what: `${what} ${other(0)}` } },
});
const newForm: KeyEffect = { asks: task({ task: 'form', source: { from: 'example' } }) };
const backend = (chosen: string): KeyEffect => ({
  becomes: { setup: { draft: { values: { backend: chosen } }, checks: { reward: { status: 'asked' } } } },
  // The reward is tried again: it may be a model.
  asks: task({ task: 'check', name: 'reward' }),
});
const creates: KeyEffect = {
  asks: task({ task: 'create', directory: '/home/ann/work/runs/example', config: { dpo: { alpha: 0.08 } } }),
};
const checks = ['directory', 'model', 'prompts', 'held_out', 'reward', 'updates_on'];

export const homeKeyEffects: Record<string, KeyEffect> = {
  'open-run': { asks: task({ task: 'open', directory: other(0) }) },
  'run-example': { asks: task({ task: 'example' }) },
  demo: { asks: task({ task: 'demo' }) },
  'first-run': newForm,
  'new-run': newForm,
  'like-run': { asks: task({ task: 'form', source: { from: 'run', entry: entries[0] } }) },
  'run-up': selects(0),
  'run-down': selects(1),
  'runs-page-up': selects(0),
  'runs-page-down': selects(5),
  'newest-run': selects(0),
  'oldest-run': selects(5),
  'filter-runs': types('runs', 'filter'),
  'look-in': types('runs', 'look-in'),
  'end-engine': asksFirst('end-engine'),
  'delete-run': asksFirst('delete'),
  'start-run': creates,
  'edit-field': types('setup', 'directory'),
  'next-choice': backend('cuda'),
  'previous-choice': backend('wasm'),
  'field-up': focuses('start'),
  'field-down': focuses('directory'),
  'first-field': focuses('start'),
  'last-field': focuses('backend'),
  'start-now': creates,
  'as-before': {
    becomes: { setup: { draft: { values: { directory: 'runs/example' } } } },
    asks: task({ task: 'check', name: 'directory' }),
  },
  'save-settings': types('setup', 'save'),
  'load-settings': types('setup', 'load'),
  'example-settings': newForm,
  'try-reward': {
    becomes: { setup: { checks: { reward: { status: 'asked' } } } },
    asks: task({ task: 'check', name: 'reward', ask: { spec: 'module:/home/ann/theirs.mjs', named: true } }),
  },
  'check-again': {
    becomes: { setup: { checks: { model: { status: 'asked' } }, measuring: null } },
    asks: checks.map((name) => ({ do: 'home', task: { task: 'check', name } })),
  },
  complete: { asks: [{ do: 'complete', text: 'example.json', inReward: false }] },
  'quit-list': { asks: [{ do: 'detach' }] },
};
