/** All commands by name, in the order of the help. Loading one imports its file, and no other's. */
import type { Command } from 'commander';
import type { CommandDefinition, CommandEntry } from './definitions.js';

const begin = 'To begin:';
const runs = 'Runs:';
const stages = 'Stages, each reading and writing JSON lines:';
const program = 'This program:';

export const commands: Readonly<Record<string, CommandEntry>> = {
  demo: {
    group: begin,
    summary: 'one round of the bundled example in two minutes, explained screen by screen',
    load: async () => (await import('./demo.js')).demoCommand(),
  },
  doctor: {
    group: begin,
    summary: 'show what this machine can do and why not more',
    load: async () => (await import('./doctor.js')).doctorCommand(),
  },
  auto: {
    group: runs,
    summary: 'take a run through its rounds unattended',
    load: async () => (await import('./auto.js')).autoCommand(),
  },
  sweep: {
    group: runs,
    summary: 'compare settings of an update, from the same samples, pairs and decisions',
    load: async () => (await import('./sweep.js')).sweepCommand(),
  },
  review: {
    group: runs,
    summary: 'look through scored samples without model or engine; write the pairs',
    load: async () => (await import('./review.js')).reviewCommand(),
  },
  'merge-decisions': {
    group: runs,
    summary: 'agreement of several reviewers, and their decisions as one journal',
    load: async () => (await import('./mergeDecisions.js')).mergeDecisionsCommand(),
  },
  export: {
    group: runs,
    summary: "write a round's policy as a folder that transformers loads",
    load: async () => (await import('./export.js')).exportCommand(),
  },
  report: {
    group: runs,
    summary: 'the rounds of a run as an HTML page or a Markdown table',
    load: async () => (await import('./report.js')).reportCommand(),
  },
  track: {
    group: runs,
    summary: 'write a run to TensorBoard, W&B or trackio',
    load: async () => (await import('./track.js')).trackCommand(),
  },
  sample: {
    group: stages,
    summary: 'sample responses from a policy',
    load: async () => (await import('./sample.js')).sampleCommand(),
  },
  answer: {
    group: stages,
    summary: 'answer prompts: best of N, beam search; for AlpacaEval, Arena-Hard, MT-Bench',
    load: async () => (await import('./answer.js')).answerCommand(),
  },
  score: {
    group: stages,
    summary: 'score responses with a reward',
    load: async () => (await import('./score.js')).scoreCommand(),
  },
  'check-reward': {
    group: stages,
    summary: "how far a reward agrees with people's preferences",
    load: async () => (await import('./checkReward.js')).checkRewardCommand(),
  },
  pair: {
    group: stages,
    summary: 'make preference pairs from scored samples',
    load: async () => (await import('./pair.js')).pairCommand(),
  },
  logprobs: {
    group: stages,
    summary: 'log-probabilities of responses under a model',
    load: async () => (await import('./logprobs.js')).logprobsCommand(),
  },
  update: {
    group: stages,
    summary: 'one LR-DPO update of a policy on pairs',
    load: async () => (await import('./update.js')).updateCommand(),
  },
  evaluate: {
    group: stages,
    summary: 'judge a policy against another on held-out prompts',
    load: async () => (await import('./evaluate.js')).evaluateCommand(),
  },
  job: {
    group: stages,
    summary: 'execute the folder of an update job (docs/jobs.md)',
    load: async () => (await import('./job.js')).jobCommand(),
  },
  'win-rate': {
    group: stages,
    summary: 'plain and length-controlled win rates from preferences',
    load: async () => (await import('./winRate.js')).winRateCommand(),
  },
  help: {
    group: program,
    summary: 'find commands, options and keys by words',
    load: async () => (await import('./help.js')).helpCommand(allCommands),
  },
  keys: {
    group: program,
    summary: 'every action of the terminal with its keys, your own included',
    load: async () => (await import('./keys.js')).keysCommand(),
  },
  completion: {
    group: program,
    summary: 'print a script that completes commands, options and values in bash, zsh or fish',
    load: async () => (await import('./completion/index.js')).completionCommand(allCommands),
  },
};

/** `brevity [RUN]`, whose help lists the commands. */
export async function loadTerminalCommand(): Promise<Command> {
  return (await import('./terminalCommand.js')).terminalCommand(commands);
}

/** `brevity` itself, under an empty name, and every command. */
export async function allCommands(): Promise<CommandDefinition[]> {
  const terminal = { name: '', summary: '', command: await loadTerminalCommand() };
  const others = Object.entries(commands).map(async ([name, { summary, load }]) => {
    return { name, summary, command: await load() };
  });
  return [terminal, ...(await Promise.all(others))];
}
