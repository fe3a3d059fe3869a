/** The first screen, shown while there are no runs: what this machine and folder offer, what is missing, how to begin. */
import { shorten } from '../../../src/core/form/draft.js';
import { type FolderFacts, type MachineFacts, missingHere, missingInFolder } from '../../../src/core/form/machine.js';
import { type PythonSearch, gpusInWords, trainerProblem } from '../../../src/core/form/python.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { cut, endOf, widthOf } from '../../parts/text.js';
import type { Tone } from '../../parts/theme.js';
import type { RunsState, Survey } from './state.js';

export interface WelcomeLine {
  /** Drawn in the accent's tone; may be empty. */
  label: string;
  text: string;
  tone: Tone;
}

const labelWidth = 11;

/** The keys of actions.ts, with what they begin. */
const beginnings = [
  ['enter', 'run the bundled example: small models, nothing to download'],
  ['d', 'the demo: one round of it in two minutes, explained screen by screen'],
  ['n', 'set up a run of your own, in a form that checks every value'],
  ['o', 'list the runs of another folder'],
] as const;

/** At most `rows` lines. If there is too little room, blank lines go first, then what is missing, then what was found. */
export function welcomeLines(state: RunsState, columns: number, rows: number): WelcomeLine[] {
  const { survey } = state.ui;
  const blank: WelcomeLine = { label: '', text: '', tone: 'plain' };
  const line = (label: string, text: string, tone: Tone = 'plain'): WelcomeLine => {
    return { label: label.padEnd(labelWidth), text: cut(text, columns - labelWidth), tone };
  };
  const title: WelcomeLine = { ...blank, text: cut(titleOf(state, columns), columns), tone: 'title' };
  const found = foundLines(survey).map(([label, text]) => line(label, text));
  const indent = ' '.repeat(labelWidth);
  const missing = missingOf(survey)
    // A command that is cut is of no use.
    .filter(({ command }) => widthOf(command) + 2 <= columns - labelWidth)
    .flatMap(({ what, command }) => [
      { ...blank, text: cut(indent + what, columns), tone: 'muted' as const },
      { ...blank, text: `${indent}$ ${command}` },
    ]);
  const begin = beginnings.map(([key, text]) => line(key, text));
  const room = rows - 1 - begin.length;
  const shownFound = found.slice(0, Math.max(0, room));
  const left = room - shownFound.length;
  // In pairs: what is missing, and its command.
  const pairs = Math.max(0, Math.floor((left - 1) / 2));
  const shownMissing = missing.slice(0, 2 * pairs);
  const heading = shownMissing.length === 0 ? [] : [line('to add', '', 'muted')];
  const blanks = left - shownMissing.length - heading.length;
  return [
    title,
    ...(blanks >= 2 ? [blank] : []),
    ...shownFound,
    ...(blanks >= 3 && heading.length > 0 ? [blank] : []),
    ...heading,
    ...shownMissing,
    ...(blanks >= 1 ? [blank] : []),
    ...begin,
  ];
}

export function welcomeReading(state: RunsState): string[] {
  const { survey } = state.ui;
  return [
    ...foundLines(survey).map(([label, text]) => `${label}: ${text}.`),
    ...missingOf(survey).map(({ what, command }) => `Missing: ${what}. To add it: ${command}`),
    ...beginnings.map(([key, text]) => `${key}: ${text}.`),
  ];
}

function titleOf({ home: { place } }: RunsState, columns: number): string {
  return `There are no runs in ${endOf(shorten(place.cwd, place), columns - 40)} yet. Found here:`;
}

function foundLines(survey: Survey | null): [label: string, text: string][] {
  if (survey === null) return [];
  const { machine, python, folder } = survey;
  return [
    ...ofMachine(machine),
    ['PyTorch', answered(python, 'looking for a Python with PyTorch …', pythonText)],
    ['folder', answered(folder, 'looking for models and prompts …', folderText)],
  ];
}

function ofMachine(machine: Survey['machine']): [label: string, text: string][] {
  if (machine.status !== 'known')
    return [['machine', machine.status === 'asked' ? 'trying the backends …' : makeLine(machine.problem, 400)]];
  const { facts } = machine;
  const { processor, cores, instructions, memory_gb, memory_free_gb, gpu } = facts;
  return [
    ['backend', backendText(facts)],
    ['GPU', gpu === null ? 'none found (no NVIDIA driver)' : makeLine(gpu, 400)],
    [
      'processor',
      [makeLine(processor, 100), `${cores} ${cores === 1 ? 'core' : 'cores'}`, instructions ?? []].flat().join(', '),
    ],
    ['memory', `${memory_gb} GiB, ${memory_free_gb} GiB free`],
  ];
}

function backendText({ backend, fastest, backends }: MachineFacts): string {
  if (backend === null) return 'none can be used; brevity doctor says why';
  const { detail = '' } = backends.find(({ name }) => name === backend) ?? {};
  const best = fastest.name === backend ? 'the fastest here' : `${fastest.name} should be faster`;
  return `${backend}, ${best}: ${makeLine(detail, 400)}`;
}

function pythonText({ found }: PythonSearch): string {
  if (found === null) return 'no Python found; optional, for updates on GPUs';
  const torch = found.packages.torch;
  if (torch === null) return `not in Python ${found.version}; optional, for updates on GPUs`;
  const gpus = found.gpus.length === 0 ? 'sees no GPU' : `sees ${gpusInWords(found.gpus)}`;
  const problem = trainerProblem(found);
  return makeLine(`${torch}, ${gpus}${problem === null ? '' : `; cannot train: ${problem}`}`, 400);
}

function folderText({ models, rewards, prompts, held_out }: FolderFacts): string {
  const named = (label: string, names: readonly string[]): string[] =>
    names.length === 0
      ? []
      : [`${label} ${makeLine(names[0], 60)}${names.length > 1 ? ` and ${names.length - 1} more` : ''}`];
  const parts = [
    ...named('model', models),
    ...named('reward', rewards),
    ...named('prompts', prompts),
    ...named('held-out prompts', held_out),
  ];
  return parts.length === 0 ? 'no model, reward model or prompts' : parts.join(' · ');
}

function missingOf(survey: Survey | null) {
  if (survey === null) return [];
  const { machine, python, folder } = survey;
  const torch = python.status === 'known' ? (python.facts.found?.packages.torch ?? null) !== null : null;
  return [
    ...(machine.status === 'known' ? missingHere(machine.facts, torch) : []),
    ...(folder.status === 'known' ? missingInFolder(folder.facts) : []),
  ].map(({ what, command }) => ({ what, command: makeLine(command, 200) }));
}

function answered<F>(
  survey: { status: 'asked' } | { status: 'known'; facts: F } | { status: 'failed'; problem: string },
  asking: string,
  text: (facts: F) => string,
): string {
  if (survey.status === 'known') return text(survey.facts);
  return survey.status === 'asked' ? asking : makeLine(survey.problem, 400);
}
