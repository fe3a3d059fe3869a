import { type SetupState, formOf } from './state.js';
import { fieldOf, thisMachine } from '../../../src/core/form/fields.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { headlessOf } from './command.js';
import { costLines } from './cost.js';
import { setupLayout } from './layout.js';
import { setupRows, setupText } from './rows.js';
import { cut, wrap } from '../../parts/text.js';
import type { ViewProps } from '../../app/state.js';
import { SetupScreen } from './parts/SetupScreen.js';

export function SetupView({ state, columns }: ViewProps<SetupState>) {
  const { modal } = state;
  const home = formOf(state);
  const { focus, draft } = home.setup;
  const { samples_on, updates_on } = draft.values;
  const { text, cost, command, lines: fields, top, list } = setupLayout(state);
  const headless = headlessOf(home);
  const said = 'command' in headless ? `$ ${headless.command}` : headless.none;
  const lines = wrap(makeLine(said, columns * 4), columns);
  return (
    <SetupScreen
      rows={setupRows(state)}
      title={focus === 'start' ? 'Start' : fieldOf(focus).label}
      more={fields.length - top - list}
      text={setupText(home, modal, columns, text)}
      textRows={text}
      cost={costLines(home.setup, home.place, cost)}
      ruled={cost > 1}
      where={samples_on === thisMachine && updates_on === thisMachine ? 'on this machine' : ''}
      command={
        lines.length <= command ? lines : [...lines.slice(0, command - 1), cut(`${lines[command - 1]} …`, columns)]
      }
      columns={columns}
    />
  );
}
