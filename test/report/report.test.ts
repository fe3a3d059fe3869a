/** A run's report and a policy's model card, from a run directory that holds what somebody hostile wrote. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { modelCard } from '../../src/report/card.js';
import { type ReportData, readReport } from '../../src/report/data.js';
import { htmlReport } from '../../src/report/html.js';
import { markdownReport } from '../../src/report/markdown.js';
import { Run } from '../../src/run/run.js';
import { config } from '../engine/fakes.js';
import { temporaryDirectories } from '../temporary.js';
import { finished, metrics } from '../components/fixtures.js';

const fresh = temporaryDirectories();
const evil = '<script>alert("1")</script> | ``` \u202e\x1b]52;c;ZXZpbA==\x07 <img src=x onerror=a>\n# no heading';

const trainedOn =
  'sampled 63 of 320 prompts (stopped early); 16 prompts without a pair (12 ties, 3 identical, 1 excluded by hand)';

let run: Run;
let data: ReportData;
beforeAll(() => {
  run = Run.create(path.join(fresh(), 'my <run>'), config);
  const rounds = [
    finished(0, 1, 10),
    {
      ...finished(1, 2, 20),
      sampled: { prompts: 63, planned: 320, stopped_early: true },
      dropped: { ties: 12, identical: 3, below_gap: 0, too_few: 0 },
      decisions: { swapped: 2, repaired: 0, confirmed: 0, excluded: 1, ties: 0, noted: 0 },
    },
    { ...finished(2, 3, 30), name: evil, note: evil, verdict: 'rejected' as const },
    {
      ...finished(3, 2.5, 15),
      parent: 1,
      overrides: { sampling: { samples_per_prompt: 8 } },
      verdict: 'accepted' as const,
    },
  ];
  for (const round of rounds) {
    run.addRound(round);
    const write = (name: string, rows: unknown[]) =>
      writeFileSync(run.files.file(round.id, name), rows.map((row) => JSON.stringify(row) + '\n').join(''));
    mkdirSync(run.files.roundDir(round.id), { recursive: true });
    if (round.id > 0) write('metrics.jsonl', metrics);
    const prompts = [0, 1, 2, 3, 4];
    write(
      'held-out-samples.jsonl',
      prompts.map((prompt_index) => ({
        ...{ prompt_index, prompt: `prompt ${prompt_index} ${evil}`, prompt_ids: [1] },
        responses: [
          {
            ...{ ids: Array.from({ length: 3 + prompt_index * round.id }, () => 1), logps: -1, finish_reason: 'stop' },
            ...{ text: `said in round ${round.id} ${evil}`, token_logprobs: [] },
          },
        ],
      })),
    );
    // From the base to round 2: +0, -2, +2, +0, +1 for prompts 0 to 4.
    const rewards = { 0: [0, 2, 0, 0, 0], 1: [0, 1, 1, 0, 0], 2: [0, 0, 2, 0, 1], 3: [1, 1, 1, 1, 1] }[round.id] ?? [];
    write(
      'held-out-scores.jsonl',
      prompts.map((prompt_index) => ({ prompt_index, rewards: [rewards[prompt_index]] })),
    );
  }
  data = readReport(run);
});

describe('what is read', () => {
  it('has a part for each branch, with the metrics of its rounds', () => {
    expect(data.branches.map(({ rounds }) => rounds.map(({ id }) => id))).toEqual([[0, 1, 2], [3]]);
    expect(data.branches[0].metrics.map(({ length }) => length)).toEqual([0, 24, 24]);
  });

  it('takes the prompts that changed most from start to end of the branch, each once', () => {
    const samples = data.branches[0].samples.map(({ why, before, after }) => [
      why,
      after.answer.prompt_index,
      before.round,
      after.round,
    ]);
    expect(samples).toEqual([
      ['reward rose most', 2, 0, 2],
      ['reward fell most', 1, 0, 2],
      ['grew longest', 4, 0, 2],
      ['in the middle', 3, 0, 2],
    ]);
    expect(data.branches[1].samples[0]).toMatchObject({ before: { round: 1 }, after: { round: 3 } });
  });
});

it('page, Markdown and card say how held-out responses were decoded', () => {
  const decoding = { best_of: 8 };
  const evaluation = { ...config.evaluation, best_of: 8 };
  const last = finished(1, 2, 20);
  const lineage = [finished(0, 1, 10), { ...last, evaluation: { ...last.evaluation!, decoding } }];
  const card = modelCard({ name: 'm', config: { ...config, evaluation }, lineage, adapter: false, base: 'b' });
  expect(card).toMatch(/^On 100 held-out prompts \(best of 8 by the training reward\):$/m);
  expect(card).toMatch(/^ +name: held-out prompts of the run \(best of 8 by the training reward\)$/m);
  const decoded = { ...data, config: { ...config, evaluation } };
  expect(markdownReport(decoded)).toContain('- held-out responses: best of 8 by the training reward');
  expect(htmlReport(decoded)).toContain('<dt>held-out responses</dt><dd>best of 8 by the training reward</dd>');
  expect(markdownReport(data)).not.toContain('held-out responses');
});

describe('held-out pairs', () => {
  const of = (loss: number, right: number) => ({
    ...{ eval_loss: loss, 'eval_rewards/chosen': 0.2, 'eval_rewards/rejected': -0.1 },
    'eval_rewards/accuracies': right,
  });
  const rows = metrics.map((row, i) => ({
    ...row,
    ...(i === 0 && { start_eval_loss: 0.7, 'start_eval_rewards/chosen': 0, 'start_eval_rewards/rejected': 0 }),
    ...(i === 11 && of(0.61, 0.7)),
    ...(i === 23 && of(0.65, 0.72)),
  }));
  const branches = () => data.branches.map((branch, i) => (i > 0 ? branch : { ...branch, metrics: [[], rows, []] }));

  it('have their curves on the page', () => {
    const html = htmlReport({ ...data, branches: branches() });
    expect(html.match(/<svg /g)).toHaveLength(4);
    expect(html).toContain('Updates of 1: loss and accuracy of held-out pairs over the steps');
    expect(html).toMatch(/>held-out loss<[\s\S]*>held-out accuracy</);
    expect(html).not.toContain('NaN');
  });

  it('have a table and a curve in Markdown', () => {
    const text = markdownReport({ ...data, branches: branches() });
    expect(text).toContain('| 1 | 0.7000 | 0.6100 after 12 steps | 0.6500 after 24 steps | 72.0 % |');
    expect(text).toMatch(/ {2}0\.7000 │ [\u2800-\u28ff]/);
    expect(text).toMatch(/└─0─+2─+4─+6─.*─24/);
  });

  it('are not mentioned where there are none', () => {
    expect(htmlReport(data)).not.toContain('held-out loss');
    expect(markdownReport(data)).not.toContain('Held-out pairs');
  });
});

describe('the page', () => {
  it('needs nothing else and runs nothing, whatever was written in it', () => {
    const html = htmlReport(data);
    expect(html).not.toMatch(
      /<script|<img|<link|<iframe|@import|url\(|\bsrc=(?!x)|https?:\/\/(?!www\.w3\.org\/2000\/svg)/i,
    );
    expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;');
    expect(html).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]/);
    expect(html).toContain('⟨U+202E⟩');
    expect(html).toContain("default-src 'none'");
  });

  it('has the table, a section for each branch, charts, and marks what only one response has', () => {
    const html = htmlReport(data);
    expect(html.match(/<section>/g)).toHaveLength(2);
    // Reward against length, and a chart for each branch.
    expect(html.match(/<svg /g)).toHaveLength(3);
    expect(html).not.toContain('NaN');
    expect(html).toContain('2 swapped, 1 excluded');
    expect(html).toContain('<li>Round 3: sampling.samples_per_prompt 8</li>');
    expect(html).toContain(`<li>Round 1: ${trainedOn}</li>`);
    expect(html).toContain('<tr class="accepted">');
    expect(html).toContain('<mark class="gone">0</mark>');
    expect(html).toContain('<mark class="new">2</mark>');
    expect(html).toContain('prefers-color-scheme: dark');
    const opened = html.match(/<(section|article|div|table|tr|td|th|figure|svg|ul|li|dl|p|h\d)\b/g)?.length;
    const closed = html.match(/<\/(section|article|div|table|tr|td|th|figure|svg|ul|li|dl|p|h\d)>/g)?.length;
    expect(opened).toBe(closed);
  });

  it('of a run that has only begun says what there is', () => {
    const begun = Run.create(path.join(fresh(), 'begun'), config);
    expect(htmlReport(readReport(begun))).toContain('<h2>Rounds</h2>');
    expect(markdownReport(readReport(begun))).toContain('## Rounds');
  });
});

describe('Markdown', () => {
  it('has the same, and nothing that was written in it is markup', () => {
    const text = markdownReport(data);
    const rows = text.split('\n').filter((line) => line.startsWith('| '));
    expect(rows).toHaveLength(2 + 4);
    const cells = (row: string) => row.replaceAll('\\|', '').split('|').length;
    expect(new Set(rows.map(cells)).size).toBe(1);
    expect(text.replace(/^(`{3,})text\n[\s\S]*?\n\1$/gm, '')).not.toMatch(/^# no heading|(?<!\\)<(script|img)/m);
    expect(text).toContain('## Rounds 0, 1, 2');
    expect(text).toContain('## Round 3, from round 1');
    // Fences are longer than what is in them.
    expect(text).toContain('````text');
    expect(text).toMatch(/○3 α0\.02|3 α0\.02○/);
    expect(text).toContain(`- Round 1: ${trainedOn}\n`);
  });
});

describe('the model card', () => {
  const card = (id: number, more = {}) =>
    modelCard({
      ...{ name: 'mine', config: run.config, adapter: false, base: 'org/base' },
      ...{ lineage: [run.round(0), ...run.branch(id)], ...more },
    });

  it('says which losses the rounds were trained with', () => {
    const lrDpo = card(3);
    expect(lrDpo).toContain('iterative length-regularized DPO with Brevity');
    expect(lrDpo).toContain(
      '  - dpo\n  - ilr-dpo\n  - length-regularized\n  - preference-optimization\n  - arxiv:2406.11817\n',
    );
    const [base, first, second] = [run.round(0), ...run.branch(3)];
    const simpo = { ...second, overrides: { dpo: { objective: 'simpo' } } };
    const text = card(3, { lineage: [base, first, simpo] });
    expect(text).toContain('iterative preference optimization (lr-dpo, simpo) with Brevity');
    expect(text).toContain('The loss of a pair is `simpo`: mean log-probability per token with a target margin');
    expect(text).toContain('  - simpo\n  - preference-optimization\n  - arxiv:2406.11817\n  - arxiv:2405.14734\n');
    expect(card(3, { lineage: [base, simpo] })).not.toMatch(/ilr-dpo|α·\(/);
  });

  it('tells the rounds that led to the policy, their α, decisions and results', () => {
    const text = card(3);
    expect(text).toContain('A policy trained from `org/base` by 2 rounds');
    expect(text).toContain('α was 0.0200, 0.0200, round by round');
    expect(text).toContain('- mean reward 2.500, base 1.523');
    expect(text).toContain(`- Round 1: human decisions: 2 swapped, 1 excluded; ${trainedOn}.`);
    expect(text).toContain('- Round 3: no human decisions; sampling.samples\\_per\\_prompt 8.');
    expect(text).not.toContain('Round 2');
    expect(text).toContain('AutoModelForCausalLM.from_pretrained("mine")');
  });

  it('has front matter that no text breaks', () => {
    const front = card(2, { base: 'evil"\n---\nlicense: mit' }).split('\n---\n')[0].split('\n');
    expect(front[0]).toBe('---');
    expect(front).toContain('base_model: "evil\\" --- license: mit"');
    expect(front).toContain('library_name: transformers');
    expect(front.some((line) => /^license/.test(line))).toBe(false);
  });

  it('of an adapter says how it is loaded', () => {
    const text = card(1, { adapter: true });
    expect(text).toContain('library_name: peft');
    expect(text).toContain('PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("org/base"), "mine")');
  });

  it.each(['card', 'markdown', 'html'] as const)('%s holds neither local folders nor secrets', (kind) => {
    const secret = 's3cret';
    const named = {
      ...run.config,
      ...{ model: '/home/ann/m', prompts: '/home/ann/p.jsonl', held_out: '/home/ann/h.jsonl' },
      reward: `0.7*hf:/home/ann/a+b/r+0.3*module:/home/ann/m.mjs+http://ann:${secret}@host:1/classify?key=${secret}#${secret}`,
      dpo: { ...run.config.dpo, reference: '/home/ann/reference' },
    };
    const [first, ...others] = run.rounds.filter(({ id }) => id > 0);
    const overrides = { reward: `http://${secret}@host/predict`, dpo: { reference: '/home/ann/other' } };
    const rounds = [run.round(0), { ...first, overrides }, ...others];
    const report = { ...readReport(run), config: named };
    const text =
      kind === 'card'
        ? card(1, { config: named, lineage: rounds.slice(0, 2) })
        : kind === 'html'
          ? htmlReport(report)
          : markdownReport(report);
    expect(text).not.toContain('/home/ann');
    expect(text).not.toContain(secret);
    expect(text).toContain('m.mjs');
    expect(text).toContain('http://host:1/classify');
  });

  it('tells nothing of where files lie here', () => {
    const named = {
      ...run.config,
      prompts: '/home/ann/p.jsonl',
      reward: '0.7*hf:/home/ann/r+0.3*module:/home/ann/m.mjs',
    };
    const text = card(1, { config: named });
    expect(text).not.toContain('/home/ann');
    expect(text).toContain('0.7\\*hf:r+0.3\\*module:m.mjs');
  });
});
