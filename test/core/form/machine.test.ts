import { expect, it } from 'vitest';
import { missingHere, missingInFolder } from '../../../src/core/form/machine.js';
import { noFolder, noNative, surveyFacts } from '../../components/homeFixtures.js';

const { machine } = surveyFacts;

it('names the backend that was not built with the command that its reason ends with; nothing where all is there', () => {
  expect(missingHere(machine, null)).toEqual([]);
  expect(missingHere(noNative.machine, null)).toEqual([
    { what: 'the native backend, several times faster than wasm', command: 'npm run build:native' },
  ]);
});

it('names PyTorch and the backend cuda only where there is a GPU', () => {
  const backends = machine.backends.map((each) => (each.name === 'cuda' ? { ...each, usable: true } : each));
  const gpu = { ...machine, gpu: 'NVIDIA H100', backends };
  expect(missingHere(machine, false)).toEqual([]);
  expect(missingHere(gpu, null).map(({ command }) => command)).toEqual(['brevity --backend cuda']);
  expect(missingHere(gpu, false).map(({ command }) => command)).toEqual([
    'brevity --backend cuda',
    'pip install torch transformers accelerate peft',
  ]);
});

it('names what a run of one’s own needs and the folder lacks', () => {
  expect(missingInFolder(noFolder).map(({ what }) => what)).toEqual(['a model', 'a reward model', 'prompts']);
  expect(missingInFolder({ models: ['a'], rewards: ['b'], prompts: ['c'], held_out: [] })).toEqual([]);
});
