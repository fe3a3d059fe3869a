import { expect, it } from 'vitest';
import { promptText } from '../../src/core/prompts.js';

it('shows a lone user message as it is, several messages with their roles, ids if there is no text', () => {
  expect(promptText({ prompt: 'why' })).toBe('why');
  const why = { role: 'user', content: 'why' } as const;
  expect(promptText({ prompt: [why] })).toBe('why');
  expect(promptText({ prompt: [{ role: 'system', content: 'be brief' }] })).toBe('system: be brief');
  expect(promptText({ prompt: [{ role: 'system', content: 'be brief' }, why] })).toBe('system: be brief\nuser: why');
  expect(promptText({ prompt_ids: [3, 4] })).toBe('[3 4]');
});
