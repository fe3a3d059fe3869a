/**
 * Makes everything in data/ that is not a script: `npm run make:data`. Stages may be named (`prompts`, `policy`,
 * `reward`); without a name all run. README.md describes the results.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { SafetensorsReader, writeSafetensors } from '../../src/model/safetensors.js';
import { loadModel, saveModel } from '../../src/model/folder.js';
import { readModelConfig } from '../../src/model/config.js';
import { parameterSpecs } from '../../src/model/parameters.js';
import { sampleResponses } from '../../src/model/generate/sample.js';
import { deriveSeed } from '../../src/core/seeds.js';
import { useBackend } from '../../src/tensor/backend.js';
import { trainBpe } from './bpe.js';
import { Corpus } from './corpus.js';
import { specials, type Shape, writeConfig, writeInitialWeights, writeTokenizer } from './folders.js';
import { trainPolicy } from './policy.js';
import { splitPrompts, type PromptRow } from './prompts.js';
import { isCorrect } from './check.js';
import { rewardAccuracy, trainReward } from './reward.js';

const data = new URL('../../data/', import.meta.url).pathname.replace(/dist\/data\/$/, 'data/');
const policyDir = `${data}base-policy`;
const rewardDir = `${data}reward-model`;
const shape: Shape = { hidden_size: 160, num_hidden_layers: 4, num_attention_heads: 5, intermediate_size: 448 };
const VOCABULARY = 768;
const SEED = 1;

const log = (line: string) => process.stderr.write(`${line}\n`);

function makePrompts(): void {
  const { training, heldOut } = splitPrompts(SEED);
  const lines = (rows: PromptRow[]) => rows.map((row) => JSON.stringify(row) + '\n').join('');
  writeFileSync(`${data}prompts.jsonl`, lines(training));
  writeFileSync(`${data}held-out.jsonl`, lines(heldOut));
  log(`${training.length} training and ${heldOut.length} held-out prompts`);
}

async function makePolicy(): Promise<void> {
  rmSync(policyDir, { recursive: true, force: true });
  const corpus = new Corpus(SEED);
  const texts = Array.from({ length: 6000 }, () => corpus.example()).flatMap(({ prompt, response }) => [
    prompt,
    response,
  ]);
  const bpe = trainBpe(texts, VOCABULARY, specials);
  writeTokenizer(policyDir, bpe);
  writeConfig(policyDir, shape, bpe.vocab.size, 'policy');
  writeInitialWeights(policyDir, SEED);
  const model = await loadModel(policyDir);
  trainPolicy(model, corpus, log);
  await saveModel(model, policyDir, { dtype: 'bfloat16' });
  model.dispose();
  await reportPolicy();
}

async function reportPolicy(): Promise<void> {
  const model = await loadModel(policyDir);
  const rows = readFileSync(`${data}held-out.jsonl`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as PromptRow);
  const jobs = rows.map(({ prompt }, i) => ({
    prompt_ids: model.tokenizer?.promptIds(prompt, { raw: false }) ?? [],
    seed: deriveSeed(SEED, 'held-out', 0, i, 0),
  }));
  const settings = {
    temperature: 0.8,
    top_p: 1,
    top_k: 0,
    min_p: 0,
    repetition_penalty: 1,
    max_new_tokens: 96,
    batch_size: 32,
  };
  let [correct, tokens, truncated] = [0, 0, 0];
  await sampleResponses(model, jobs, settings, {
    onResponse(job, { text, ids, finish_reason }) {
      if (job < 12) log(`  ${rows[job].prompt} → ${text}`);
      correct += isCorrect(rows[job], text) ? 1 : 0;
      tokens += ids.length;
      truncated += finish_reason === 'length' ? 1 : 0;
    },
  });
  const percent = ((100 * correct) / rows.length).toFixed(1);
  log(
    `base policy: ${percent} % right on held-out prompts, ${(tokens / rows.length).toFixed(1)} tokens, ${truncated} truncated`,
  );
  model.dispose();
}

/** The reward model starts from the policy's weights with a zero head. */
async function makeReward(): Promise<void> {
  rmSync(rewardDir, { recursive: true, force: true });
  cpSync(policyDir, rewardDir, { recursive: true });
  rmSync(`${rewardDir}/generation_config.json`);
  writeConfig(rewardDir, shape, readModelConfig(policyDir).vocab_size, 'reward');
  const reader = SafetensorsReader.open(policyDir);
  const tensors = parameterSpecs(readModelConfig(rewardDir)).map(({ name, shape: size }) => ({
    name,
    shape: size,
    dtype: 'F32' as const,
    values: () => (reader.has(name) ? reader.readFloats(name) : new Float32Array(size[0] * (size[1] ?? 1))),
  }));
  writeSafetensors(`${rewardDir}/model.safetensors`, tensors);
  reader.close();
  const model = await loadModel(rewardDir);
  trainReward(model, new Corpus(SEED + 1), log);
  await saveModel(model, rewardDir, { dtype: 'bfloat16' });
  const fresh = new Corpus(SEED + 2);
  const preferences = Array.from({ length: 640 }, () => fresh.preference());
  log(`reward model: agrees with ${(100 * rewardAccuracy(model, preferences)).toFixed(1)} % of 640 fresh preferences`);
  model.dispose();
}

const stages: Record<string, () => void | Promise<void>> = {
  prompts: makePrompts,
  policy: makePolicy,
  reward: makeReward,
};
const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in stages));
if (unknown.length > 0) {
  log(`unknown stage ${unknown.join(', ')}; there are ${Object.keys(stages).join(', ')}`);
  process.exit(2);
}
await useBackend('auto');
for (const [name, stage] of Object.entries(stages)) {
  if (named.length > 0 && !named.includes(name)) continue;
  log(`== ${name}`);
  await stage();
}
