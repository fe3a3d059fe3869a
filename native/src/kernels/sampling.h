// The next token of each row of logits, chosen as in src/model/generate/choose.ts: repetition penalty, temperature,
// top-k, top-p, min-p, in float64, and inverse transform over the kept tokens in order of their ids.
#pragma once
#include "kernel.h"

namespace brevity {

struct Sampling {
  int64_t B = 0, V = 0;
  const float* logits = nullptr;    // [B, V]
  const double* uniforms = nullptr; // [B] in [0, 1)
  double temperature = 1;           // 0: greedy
  double topP = 1;
  int64_t topK = 0;  // 0: all
  double minP = 0;
  double repetitionPenalty = 1;  // 1: off (arXiv 1909.05858)
  // For the penalty: row b's distinct seen tokens are seen[seenStart[b] .. seenStart[b + 1]); null if the penalty is
  // off.
  const int32_t* seen = nullptr;
  const int64_t* seenStart = nullptr;  // [B + 1]
};

// tokens [B]; logps [B] is log π(token) of the policy itself: before penalty, temperature and truncation.
BREVITY_KERNEL(sampleTokens, (const Sampling& settings, int32_t* tokens, float* logps));

}  // namespace brevity
