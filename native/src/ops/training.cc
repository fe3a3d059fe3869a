// Token log-probabilities, sampling and the optimizer. A comment on each op lists its buffers, then its params.
#include "../kernels/adamw.h"
#include "../kernels/sampling.h"
#include "../kernels/softmax.h"
#include "../kernels/tokenLogProbs.h"
#include "table.h"

namespace brevity {
namespace {

const int32_t* targetsOf(const Launch& l, int buffer, int64_t N, int64_t V) {
  const int32_t* targets = l.ints(buffer, N);
  for (int64_t i = 0; i < N; i++)
    if (targets[i] < 0 || targets[i] >= V) l.fail("has a target outside of the vocabulary");
  return targets;
}

// hidden, head, targets as buffers 0 to 2; N, D, V, headTransposed. The ops /bf16 have the head in bfloat16; `rounded`:
// products round their operands to bfloat16.
template <bool half, bool rounded>
TokenLogProbs shapeOf(const Launch& l) {
  TokenLogProbs shape;
  shape.rounded = rounded;
  shape.N = l.count(0);
  shape.D = l.count(1);
  shape.V = l.count(2);
  shape.headTransposed = l.number(3) != 0;
  shape.hidden = l.floats(0, shape.N * shape.D);
  if (half) {
    shape.halfHead = l.halves(1, shape.D * shape.V);
  } else {
    shape.head = l.floats(1, shape.D * shape.V);
  }
  shape.targets = targetsOf(l, 2, shape.N, shape.V);
  return shape;
}

// hidden, head, targets, logps, max, sum; N, D, V, headTransposed
template <bool half, bool rounded>
void tokenLogProbsOp(const Launch& l) {
  const TokenLogProbs shape = shapeOf<half, rounded>(l);
  tokenLogProbs(shape, l.floats(3, shape.N), l.floats(4, shape.N), l.floats(5, shape.N));
}

// hidden, head, targets, max, sum, dy, dhidden and, if trainsHead, dhead; N, D, V, headTransposed, trainsHead. A head
// in bfloat16 is frozen.
template <bool half, bool rounded>
void tokenLogProbsGradOp(const Launch& l) {
  const TokenLogProbs shape = shapeOf<half, rounded>(l);
  if (half && l.number(4) != 0) l.fail("has a frozen head, which is not trained");
  float* dhead = l.number(4) != 0 ? l.floats(7, shape.D * shape.V) : nullptr;
  tokenLogProbsGrad(shape, l.floats(3, shape.N), l.floats(4, shape.N), l.floats(5, shape.N),
                    l.floats(6, shape.N * shape.D), dhead, nullptr, false);
}

// logits, targets, max, sum, at; N, V
void logSoftmaxStatsOp(const Launch& l) {
  const int64_t N = l.count(0), V = l.count(1);
  logSoftmaxStats(l.floats(0, N * V), targetsOf(l, 1, N, V), l.floats(2, N), l.floats(3, N), l.floats(4, N), N, V);
}

// logits, targets, max, sum, dy, dlogits; N, V
void logSoftmaxGradOp(const Launch& l) {
  const int64_t N = l.count(0), V = l.count(1);
  logSoftmaxGrad(l.floats(0, N * V), targetsOf(l, 1, N, V), l.floats(2, N), l.floats(3, N), l.floats(4, N),
                 l.floats(5, N * V), N, V);
}

// param, grad, m, v of each tensor; count, lr, beta1, beta2, eps, biasCorrection1, biasCorrection2, gradScale, then n
// and weightDecay of each. Changes param, m and v in place.
void adamwOp(const Launch& l) {
  const int64_t count = l.count(0);
  AdamWStep step;
  step.lr = l.number(1);
  step.beta1 = l.number(2);
  step.beta2 = l.number(3);
  step.eps = l.number(4);
  step.biasCorrection1 = l.number(5);
  step.biasCorrection2 = l.number(6);
  step.gradScale = l.number(7);
  std::vector<AdamWTensor> tensors;
  for (int i = 0; i < count; i++) {
    const int64_t n = l.count(8 + 2 * i);
    tensors.push_back({l.floats(4 * i, n), l.floats(4 * i + 1, n), l.floats(4 * i + 2, n), l.floats(4 * i + 3, n), n,
                       l.number(9 + 2 * i)});
  }
  adamw(tensors.data(), count, step);
}

// tensors, then squares [count] as float64; count, then n of each
void sumOfSquaresOp(const Launch& l) {
  const int64_t count = l.count(0);
  std::vector<const float*> tensors;
  std::vector<int64_t> sizes;
  for (int i = 0; i < count; i++) {
    sizes.push_back(l.count(1 + i));
    tensors.push_back(l.floats(i, sizes.back()));
  }
  sumOfSquares(tensors.data(), sizes.data(), count, l.as<double>(static_cast<int>(count), count));
}

// logits, uniforms [B] as float64, tokens, logps and, if the penalty is not 1, seen tokens and their starts [B + 1],
// both int32; B, V, temperature, topP, topK, minP, repetitionPenalty
void sampleTokensOp(const Launch& l) {
  Sampling s;
  s.B = l.count(0);
  s.V = l.count(1);
  s.logits = l.floats(0, s.B * s.V);
  s.uniforms = l.as<double>(1, s.B);
  s.temperature = l.number(2);
  s.topP = l.number(3);
  s.topK = l.count(4);
  s.minP = l.number(5);
  s.repetitionPenalty = l.number(6);
  std::vector<int64_t> starts;
  if (s.repetitionPenalty != 1) {
    const int32_t* given = l.ints(5, s.B + 1);
    starts.assign(given, given + s.B + 1);
    s.seenStart = starts.data();
    s.seen = targetsOf(l, 4, starts.back(), s.V);
    if (starts.front() != 0) l.fail("has seen tokens that do not start at 0");
    for (int64_t b = 0; b < s.B; b++)
      if (starts[b] > starts[b + 1]) l.fail("has seen tokens whose starts go back");
  }
  sampleTokens(s, l.ints(2, s.B), l.floats(3, s.B));
}

}  // namespace

template <bool rounded>
static void addTokenLogProbs(OpTable& table) {
  table.push_back({"TokenLogProbs", tokenLogProbsOp<false, rounded>});
  table.push_back({"TokenLogProbs/bf16", tokenLogProbsOp<true, rounded>});
  table.push_back({"TokenLogProbsGrad", tokenLogProbsGradOp<false, rounded>});
  table.push_back({"TokenLogProbsGrad/bf16", tokenLogProbsGradOp<true, rounded>});
}

void addTrainingOps(OpTable& table, bool rounded) {
  rounded ? addTokenLogProbs<true>(table) : addTokenLogProbs<false>(table);
  table.push_back({"LogSoftmaxStats", logSoftmaxStatsOp});
  table.push_back({"LogSoftmaxGrad", logSoftmaxGradOp});
  table.push_back({"AdamW", adamwOp});
  table.push_back({"SumOfSquares", sumOfSquaresOp});
  table.push_back({"SampleTokens", sampleTokensOp});
}

}  // namespace brevity
