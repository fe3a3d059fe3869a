/** Actions that edit the line being typed, as in readline: the same in every text field. */
import { type Extent, erased, inserted, moved } from '../parts/lineEditing.js';
import { type KeyScope, type ScopedAction, type State, noEffects } from './state.js';
import { browsed, complete, edited, openField, suggestionsOf } from './textFields.js';

const fields: readonly KeyScope[] = ['edit', 'palette', 'help'];

/** Home and end scroll the help while nothing is searched for. */
const takesHomeAndEnd = ({ modal }: State): boolean => modal?.kind !== 'help' || modal.text !== '';

const move = (id: string, keys: readonly string[], help: string, extent: Extent): ScopedAction => ({
  id,
  keys,
  places: fields,
  label: '',
  help,
  run: (state) => noEffects(edited(state, (line) => moved(line, extent))),
});

const erase = (id: string, keys: readonly string[], help: string, extent: Extent, label = ''): ScopedAction => ({
  id,
  keys,
  places: fields,
  label,
  help,
  run: (state) => noEffects(eraseIn(state, extent)),
});

/** What is more than a character can be put back with ctrl+y. */
function eraseIn(state: State, extent: Extent): State {
  const field = openField(state);
  if (field === null) return state;
  const { line, text } = erased(field, extent);
  const next = edited(state, () => line);
  return text === '' || extent === 'left' || extent === 'right'
    ? next
    : { ...next, lines: { ...next.lines, erased: text } };
}

const canComplete = (state: State): boolean =>
  state.modal?.kind === 'edit' && (state.modal.completes !== undefined || suggestionsOf(state) !== null);

export const fieldActions: readonly ScopedAction[] = [
  {
    id: 'complete',
    keys: ['tab'],
    places: ['edit'],
    label: 'complete',
    help: 'complete the path or the word that is typed; again: another one',
    when: canComplete,
    run: (state) => complete(state, 1),
  },
  {
    id: 'complete-back',
    keys: ['shift+tab'],
    places: ['edit'],
    label: '',
    help: 'the suggestion before',
    when: (state) => canComplete(state) && suggestionsOf(state) !== null,
    run: (state) => complete(state, -1),
  },
  erase('erase', ['backspace'], 'erase the character before the cursor', 'left'),
  erase('erase-to-start', ['ctrl+u'], 'erase everything before the cursor', 'start', 'clear'),
  erase('erase-to-end', ['ctrl+k'], 'erase everything behind the cursor', 'end'),
  erase('erase-word', ['ctrl+w'], 'erase back to the last space', 'space-left'),
  erase('erase-word-left', ['alt+backspace'], 'erase back to the start of the word', 'word-left'),
  erase('erase-word-right', ['alt+d'], 'erase to the end of the word', 'word-right'),
  erase('erase-right', ['delete', 'ctrl+d'], 'erase the character at the cursor', 'right'),
  {
    id: 'put-back',
    keys: ['ctrl+y'],
    places: fields,
    label: '',
    help: 'insert what was erased last',
    run: (state) => noEffects(edited(state, (line) => inserted(line, state.lines.erased))),
  },
  move('cursor-left', ['left', 'ctrl+b'], 'a character to the left', 'left'),
  move('cursor-right', ['right', 'ctrl+f'], 'a character to the right', 'right'),
  move('word-left', ['alt+b', 'ctrl+left', 'alt+left'], 'to the start of the word', 'word-left'),
  move('word-right', ['alt+f', 'ctrl+right', 'alt+right'], 'to the end of the word', 'word-right'),
  {
    ...move('line-start', ['home', 'ctrl+a'], 'to the start of the line', 'start'),
    when: takesHomeAndEnd,
  },
  {
    ...move('line-end', ['end', 'ctrl+e'], 'to the end of the line', 'end'),
    when: takesHomeAndEnd,
  },
  {
    id: 'earlier-line',
    keys: ['up', 'ctrl+p'],
    places: ['edit'],
    label: '',
    help: 'a line that was typed here before',
    run: (state) => noEffects(browsed(state, 1)),
  },
  {
    id: 'later-line',
    keys: ['down', 'ctrl+n'],
    places: ['edit'],
    label: '',
    help: 'back towards the line being typed',
    run: (state) => noEffects(browsed(state, -1)),
  },
  {
    id: 'earlier-command',
    keys: ['ctrl+p'],
    places: ['palette'],
    label: '',
    help: 'a command that was searched for before',
    run: (state) => noEffects(browsed(state, 1)),
  },
  {
    id: 'later-command',
    keys: ['ctrl+n'],
    places: ['palette'],
    label: '',
    help: 'back towards what is being typed',
    run: (state) => noEffects(browsed(state, -1)),
  },
];
