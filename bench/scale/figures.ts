/**
 * Public figures for calculating the cost of a round, and assumptions if no public figure fits. Every number names its
 * source; bench/scale/README.md prints both.
 */
export interface Figure {
  value: number;
  unit: string;
  /** Title, release or date, and address; or why the value was assumed. */
  source: string;
  assumed?: true;
}

const trtllm = 'TensorRT-LLM 1.0, docs/source/performance/perf-overview.md (github.com/NVIDIA/TensorRT-LLM)';
const torchtitan = 'torchtitan, benchmarks/llama3_h100_202412_torchtitan.md (github.com/pytorch/torchtitan)';
const nemo =
  'NeMo Framework 24.12, performance summary (docs.nvidia.com/nemo-framework/user-guide/24.12/nemotoolkit/performance)';

export const figures = {
  decode8b: {
    value: 12_553,
    unit: 'output tokens/s per GPU',
    source:
      'vLLM with FlashInfer, Llama 3.1 8B in bf16 on one H100 80 GB, 1,000 ShareGPT prompts (research.aimultiple.com/inference-engines)',
  },
  decode70bFp8: {
    value: 5_222,
    unit: 'output tokens/s on 2 GPUs',
    source: `Llama 3.3 70B in FP8, H100, TP 2, 500 prompt and 2,000 output tokens: ${trtllm}`,
  },
  decodeBf16Share: {
    value: 0.5,
    unit: 'of FP8',
    source: 'decoding is bound by reading weights and cache, and bf16 has twice the bytes',
    assumed: true,
  },
  prefill8b: {
    value: 3_450 * (2_048 / 128),
    unit: 'prompt tokens/s per GPU',
    source: `Llama 3.1 8B in FP8, one H100, 2,048 prompt and 128 output tokens at 3,450 output tokens/s, hence 16 times as many prompt tokens: ${trtllm}`,
  },
  prefill70b: {
    value: (762 * (2_048 / 128)) / 2,
    unit: 'prompt tokens/s per GPU',
    source: `Llama 3.3 70B in FP8, TP 2, 2,048 prompt and 128 output tokens at 762 output tokens/s: ${trtllm}`,
  },
  prefillBf16Share: {
    value: 0.5,
    unit: 'of FP8',
    source: 'NVIDIA H100 SXM data sheet: 989 TFLOP/s dense in bf16, 1,979 in FP8',
  },
  train8b: {
    value: 6_667,
    unit: 'tokens/s per GPU',
    source: `Llama 3.1 8B in bf16, FSDP2 and torch.compile on 8 H100: ${torchtitan}`,
  },
  train8bMany: {
    value: 6_514,
    unit: 'tokens/s per GPU',
    source: `the same on 128 H100, used for 64: ${torchtitan}`,
  },
  train70bMfu: {
    value: 0.254,
    unit: 'of peak',
    source:
      'Llama 3 70B in bf16 on 32 H200, FSDP 8 × TP 4 in PyTorch, full activation checkpointing (KempnerForge, benchmarks/mfu_scaling)',
  },
  lora70bFp8: {
    value: 2_621,
    unit: 'tokens/s per GPU',
    source: `Llama 2 70B, LoRA in FP8 on 8 H100: ${nemo}`,
  },
  loraBf16Share: {
    value: 0.5,
    unit: 'of FP8',
    source: 'ratio of the peaks in the H100 data sheet',
    assumed: true,
  },
  peak: { value: 989e12, unit: 'FLOP/s in bf16', source: 'NVIDIA H100 SXM data sheet, dense' },
  fileSystem: {
    value: 9e9,
    unit: 'bytes/s read by one server',
    source:
      '620 GB of weights from VAST over NFS with RDMA in 35 to 45 s was 9 GB/s by a user’s measurement (run-ai/runai-model-streamer issue 135)',
  },
  fileSystemTotal: {
    value: 40e9,
    unit: 'bytes/s read by all servers together',
    source: 'fio over the same mount: 40.7 GB/s (the same issue)',
  },
  restart: {
    value: 62,
    unit: 's',
    source:
      'cold start of vLLM with a 70B model in FP8 (spheron.network/blog/vllm-vs-tensorrt-llm-vs-sglang-benchmarks)',
  },
  gpuHoursPerFailure: {
    value: (16_384 * 54 * 24) / 419,
    unit: 'GPU hours',
    source:
      '419 unplanned interruptions in 54 days on 16,384 H100 (The Llama 3 Herd of Models, arXiv 2407.21783, table 5)',
  },
  price: {
    value: 3.24,
    unit: 'US$ per GPU hour',
    source: 'one H100 on Ori’s public cloud (blog.ori.co, benchmark of Llama 3.1 8B)',
  },
} satisfies Record<string, Figure>;

/** The contents of a round. Lengths in tokens. Every response is counted at its full length: an upper bound. */
export const round = { prompts: 20_000, samples: 5, prompt: 256, response: 1_024 } as const;
