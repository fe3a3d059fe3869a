/** Each key of the list and of the form is held to its effect. */
import { expect, it } from 'vitest';
import { keyTable, meaningOf } from '../../../components/app/keys.js';
import { reduce } from '../../../components/app/reducer.js';
import { homeKeyEffects, homeKeyStates } from '../homeKeyEffects.js';
import { definitions } from '../../../components/screens/index.js';

const table = keyTable(definitions);

const ofHome = table.filter(({ id, owner }) => owner === 'runs' || owner === 'setup' || id in homeKeyEffects);

it.each(ofHome.flatMap(({ id, keys }) => keys.map((key): [string, string] => [id, key])))('%s on %s', (id, key) => {
  const state = homeKeyStates[id];
  expect(meaningOf(key, state)?.id).toBe(id);
  const { becomes = {}, asks = [] } = homeKeyEffects[id];
  const step = reduce(state, { type: 'key', key });
  expect(step.state).toMatchObject(becomes);
  expect(step.effects).toMatchObject(asks);
});
