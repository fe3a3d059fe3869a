/** Keys of the review screen. */
import type { Key } from '../screen.js';
import { type State, inReview, shown } from '../state.js';

const hasPairs = (state: State): boolean => (shown(state)?.pairs.length ?? 0) > 0;

export const reviewKeys = [
  {
    id: 'launch',
    keys: ['enter'],
    label: 'launch',
    help: 'launch the update with these settings (asks first)',
    when: (state) => inReview(state) && hasPairs(state),
  },
  { id: 'alpha-down', keys: ['left'], label: '', help: 'lower α by 0.001', when: inReview },
  { id: 'alpha-up', keys: ['right'], label: 'α', sign: '←→', help: 'raise α by 0.001', when: inReview },
  {
    id: 'alpha-down-coarse',
    keys: ['shift+left', '[', 'H'],
    label: '',
    help: 'lower α by 0.01',
    when: inReview,
  },
  {
    id: 'alpha-up-coarse',
    keys: ['shift+right', ']', 'L'],
    label: 'α coarse',
    sign: '[ ]',
    help: 'raise α by 0.01',
    when: inReview,
  },
  {
    id: 'edit-alpha',
    keys: ['a'],
    label: 'type α',
    help: 'type α, the length-penalty coefficient',
    when: inReview,
  },
  { id: 'edit-beta', keys: ['b'], label: 'β', help: 'type β, the hold on the reference policy', when: inReview },
  { id: 'edit-lr', keys: ['l'], label: 'lr', help: 'type the peak learning rate', when: inReview },
  { id: 'pair-up', keys: ['up', 'k'], label: '', help: 'previous pair', when: hasPairs },
  { id: 'pair-down', keys: ['down', 'j'], label: 'pair', sign: '↑↓', help: 'next pair', when: hasPairs },
  { id: 'page-up', keys: ['pageup'], label: '', help: 'a page of pairs up', when: hasPairs },
  { id: 'page-down', keys: ['pagedown'], label: '', help: 'a page of pairs down', when: hasPairs },
  { id: 'first-pair', keys: ['home', 'g'], label: '', help: 'first pair', when: hasPairs },
  { id: 'last-pair', keys: ['end', 'G'], label: '', help: 'last pair', when: hasPairs },
  { id: 'text-up', keys: ['K', '-'], label: '', help: 'scroll the texts up', when: hasPairs },
  {
    id: 'text-down',
    keys: ['J', 'space'],
    label: 'text',
    sign: 'J K',
    help: 'scroll the texts down',
    when: hasPairs,
  },
  { id: 'zoom', keys: ['z'], label: 'zoom', help: 'more room for the texts, and back', when: hasPairs },
] as const satisfies readonly Key[];

export type ReviewKey = (typeof reviewKeys)[number]['id'];
