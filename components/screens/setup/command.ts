/** The headless command of the form's settings, or why there is none yet. */
import { type Form } from './state.js';
import { headlessCommand } from '../../../src/core/form/command.js';
import { absolute, settledConfig } from '../../../src/core/form/draft.js';

export type Headless = { command: string } | { none: string };

export function headlessOf({ setup: { draft }, place, example }: Form): Headless {
  const config = settledConfig(draft, place);
  const directory = draft.values.directory.trim();
  if (config === null || directory === '') return { none: 'the headless command appears once every field can be read' };
  const told = headlessCommand(absolute(directory, place), config, draft.base.file, place, example);
  if ('command' in told) return told;
  return { none: `a headless run needs a file with ${told.needsFile.join(', ')}: w saves the settings` };
}
