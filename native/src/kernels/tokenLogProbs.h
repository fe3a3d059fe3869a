// log π(token) straight from hidden states: the [N, V] logits never exist. src/tensor/ops/tokenLogProbs.ts.
#pragma once
#include "kernel.h"

namespace brevity {

// The head [D, V], or [V, D] if `headTransposed` (a tied embedding).
struct TokenLogProbs {
  int64_t N = 0, D = 0, V = 0;
  const float* hidden = nullptr;  // [N, D]
  const float* head = nullptr;
  const uint16_t* halfHead = nullptr;  // replaces head if not null, in bfloat16
  bool headTransposed = false;
  const float* bias = nullptr;  // [V] or null, added to the logits
  const int32_t* targets = nullptr;  // [N], each in [0, V)
  bool rounded = false;  // every product rounds its operands to bfloat16, as gemmBf16 does
};

// logps [N] = log softmax(hidden·head)[target]. max and sum [N], the row's largest logit and Σ exp(logit - max), are
// needed again by the gradient.
BREVITY_KERNEL(tokenLogProbs, (const TokenLogProbs& shape, float* logps, float* max, float* sum));

// Gradients of Σ dy·logps with dy [N]. dhidden [N, D] is written, or null. dhead, shaped like the head, is added to if
// `accumulateHead`, else written; it is null if the head is not trained (saves a third of the work). dbias [V]
// likewise.
BREVITY_KERNEL(tokenLogProbsGrad, (const TokenLogProbs& shape, const float* max, const float* sum, const float* dy,
                                   float* dhidden, float* dhead, float* dbias, bool accumulateHead));

}  // namespace brevity
