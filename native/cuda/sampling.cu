// The next token of each row of logits as src/model/generate/choose.ts chooses it (../src/kernels/sampling.h): repetition
// penalty, temperature, top-k, top-p, min-p in float64, and inverse transform over the kept tokens in order of their
// ids. Blocks over pieces of rows find each row's largest logit and sums, then a block a row chooses. No sorting: a
// threshold is found digit by digit, by counting or adding up what lies above it.
#include "threshold.h"

constexpr int64_t kPiece = 8192;  // tokens of a block that sums them up

struct SamplingArguments {
  int64_t V, pieces, topK;  // pieces of a row
  double temperature, topP, minP, penalty;
  const float* logits;
  const float* penalised;  // the logits themselves where the penalty is off
  const double* uniforms;
  int32_t* tokens;
  float* logps;
};

// [B, V], a copy in which the tokens seen so far are less likely (arXiv 1909.05858).
KERNEL penaliseSeen(float* penalised, const int32_t* seen, const int32_t* starts, int64_t V, double penalty,
                    Fault* fault) {
  float* row = penalised + static_cast<int64_t>(blockIdx.x) * V;
  for (int64_t i = starts[blockIdx.x] + static_cast<int64_t>(threadIdx.x); i < starts[blockIdx.x + 1]; i += kThreads) {
    if (seen[i] < 0 || seen[i] >= V) {
      report(fault, targetFault, seen[i], V);
      continue;
    }
    float* at = row + seen[i];
    *at = static_cast<float>(*at > 0 ? *at / penalty : *at * penalty);
  }
}

// Of a piece of a row: the first of its largest logits, without the penalty and with it, Σ exp(logit - largest), and
// Σ exp((logit - likeliest) / temperature) with the penalty.
struct LogitsPiece {
  Place largest, likeliest;
  double sum, mass;
};

// Σ over [first, end) of a row relative to its largest; a piece without any finite logit has no mass.
DEVICE double massOf(const float* row, int64_t first, int64_t end, float largest, double temperature) {
  const double from = largest == -INFINITE ? 0.0 : largest;
  double sum = 0;
  for (int64_t i = first + threadIdx.x; i < end; i += kThreads)
    sum += exp((static_cast<double>(row[i]) - from) / temperature);
  return blockSum(sum);
}

// A block a piece, so that few rows keep the whole device busy: exponentials in float64 are what sampling costs.
KERNEL describeLogits(SamplingArguments a, LogitsPiece* pieces) {
  const int64_t b = blockIdx.x / a.pieces, first = blockIdx.x % a.pieces * kPiece;
  const int64_t end = first + kPiece < a.V ? first + kPiece : a.V;
  const float *logits = a.logits + b * a.V, *row = a.penalised + b * a.V;
  Place largest = {0, -1}, likeliest = {0, -1};
  for (int64_t i = first + threadIdx.x; i < end; i += kThreads) {
    largest = BestPlace<1>::join(largest, Place{logits[i], static_cast<int32_t>(i)});
    likeliest = BestPlace<1>::join(likeliest, Place{row[i], static_cast<int32_t>(i)});
  }
  largest = blockFold(largest, Place{0, -1}, BestPlace<1>());
  likeliest = blockFold(likeliest, Place{0, -1}, BestPlace<1>());
  const double sum = massOf(logits, first, end, largest.value, 1);
  double mass = 0;
  if (a.temperature == 1 && row == logits) mass = sum;
  else if (a.temperature > 0) mass = massOf(row, first, end, likeliest.value, a.temperature);
  if (threadIdx.x == 0) pieces[blockIdx.x] = LogitsPiece{largest, likeliest, sum, mass};
}

// The pieces of a row as one.
DEVICE LogitsPiece joinPieces(const SamplingArguments& a, const LogitsPiece* pieces) {
  LogitsPiece all = {{0, -1}, {0, -1}, 0, 0};
  for (int64_t p = threadIdx.x; p < a.pieces; p += blockDim.x) {
    all.largest = BestPlace<1>::join(all.largest, pieces[p].largest);
    all.likeliest = BestPlace<1>::join(all.likeliest, pieces[p].likeliest);
  }
  all.largest = blockFold(all.largest, Place{0, -1}, BestPlace<1>());
  all.likeliest = blockFold(all.likeliest, Place{0, -1}, BestPlace<1>());
  for (int64_t p = threadIdx.x; p < a.pieces; p += blockDim.x) {
    const LogitsPiece& piece = pieces[p];
    all.sum += piece.sum * exp(static_cast<double>(piece.largest.value) - all.largest.value);
    all.mass += piece.mass * exp((static_cast<double>(piece.likeliest.value) - all.likeliest.value) / a.temperature);
  }
  all.sum = blockSum(all.sum);
  all.mass = blockSum(all.mass);
  return all;
}

// The least weight that is kept. `total` is that of all tokens.
DEVICE double leastWeight(const Weights& w, const SamplingArguments& a, double total) {
  double least = 0;
  if (a.topK > 0 && a.topK < a.V)
    least = w.of(thresholdOf(w, static_cast<double>(a.topK), -INFINITE, [](float) { return 1.0; }));
  if (a.topP < 1) {
    const double before = least;
    const auto mass = [&](float logit) {
      const double weight = w.of(logit);
      return weight < before ? 0.0 : weight;
    };
    if (before > 0) {
      const double bound = w.logitOf(before);
      double kept = 0;
      for (int64_t i = threadIdx.x; i < w.V; i += blockDim.x)
        if (!(w.row[i] < bound)) kept += mass(w.row[i]);
      total = blockSum(kept);
    }
    // All tokens below this together are less than what topP leaves out, so that the threshold is not among them.
    const double negligible = (1 - a.topP) * total / (2 * static_cast<double>(w.V));
    const double bound = w.logitOf(negligible > before ? negligible : before);
    const double nucleus = w.of(thresholdOf(w, a.topP * total, bound, mass));
    if (nucleus > least) least = nucleus;
  }
  return a.minP > least ? a.minP : least;
}

// By inverse transform over the tokens that are kept; `place` in [0, 1) among them.
DEVICE int drawToken(const Weights& w, double least, double place) {
  __shared__ double before[kSampleThreads + 1];
  __shared__ int chosen;
  const int tid = threadIdx.x;
  const double bound = w.logitOf(least);
  // Each thread has a run of neighbouring tokens.
  const int threads = blockDim.x;
  const int64_t run = (w.V + threads - 1) / threads, first = tid * run;
  const int64_t end = first + run < w.V ? first + run : w.V;
  double sum = 0;
  int last = -1;
  for (int64_t i = first; i < end; i++) {
    if (w.row[i] < bound) continue;
    const double weight = w.of(w.row[i]);
    if (!(weight >= least)) continue;
    sum += weight;
    if (weight > 0) last = static_cast<int>(i);
  }
  before[tid + 1] = sum;
  // The last one that is kept, where rounding lets none be reached.
  const Place final = blockFold(Place{0, last}, Place{0, -1}, LaterPlace());
  if (tid == 0) {
    chosen = final.at < 0 ? 0 : final.at;
    before[0] = 0;
    for (int t = 0; t < threads; t++) before[t + 1] += before[t];
  }
  __syncthreads();
  const double aim = place * before[threads];
  // One thread's run holds the aim.
  if (before[tid] <= aim && aim < before[tid + 1]) {
    double reached = before[tid];
    int token = -1;
    for (int64_t i = first; i < end; i++) {
      if (w.row[i] < bound) continue;
      const double weight = w.of(w.row[i]);
      if (!(weight >= least) || weight == 0) continue;
      token = static_cast<int>(i);
      reached += weight;
      if (aim < reached) break;
    }
    chosen = token;
  }
  __syncthreads();
  return chosen;
}

KERNEL __launch_bounds__(kSampleThreads) sampleRows(SamplingArguments a, const LogitsPiece* pieces) {
  const int64_t b = blockIdx.x;
  const LogitsPiece row = joinPieces(a, pieces + b * a.pieces);
  int token = row.likeliest.at < 0 ? 0 : row.likeliest.at;
  if (a.temperature > 0) {
    const Weights w = {a.penalised + b * a.V, a.V, row.likeliest.value, a.temperature};
    token = drawToken(w, leastWeight(w, a, row.mass), a.uniforms[b]);
  }
  if (threadIdx.x == 0) {
    a.tokens[b] = token;
    a.logps[b] = static_cast<float>(static_cast<double>(a.logits[b * a.V + token]) - (row.largest.value + log(row.sum)));
  }
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {

// logits, uniforms [B] as float64, tokens, logps and, where the penalty is not 1, seen tokens and their starts [B + 1],
// both int32; B, V, temperature, topP, topK, minP, repetitionPenalty
static void sampleTokensOp(const Launch& l) {
  SamplingArguments a{};
  const int64_t B = l.count(0);
  a.V = l.count(1);
  a.logits = a.penalised = l.floats(0, B * a.V);
  a.uniforms = l.as<double>(1, B);
  a.temperature = l.number(2);
  a.topP = l.number(3);
  a.topK = l.count(4);
  a.minP = l.number(5);
  a.penalty = l.number(6);
  a.tokens = l.ints(2, B);
  a.logps = l.floats(3, B);
  if (B == 0) return;
  if (a.V == 0) l.fail("has no vocabulary");
  const bool penalised = a.penalty != 1;
  Scratch<float> copy(penalised ? B * a.V : 0);
  if (penalised) {
    copyWordsOf(copy, a.logits, B * a.V);
    LAUNCH(penaliseSeen, Geometry(gridSize(B), kThreads), copy, l.ints(4, 0), l.ints(5, B + 1), a.V, a.penalty,
           static_cast<Fault*>(stream().fault()));
    a.penalised = copy;
  }
  a.pieces = ceilDiv(a.V, kPiece);
  Scratch<LogitsPiece> pieces(B * a.pieces);
  LAUNCH(describeLogits, Geometry(gridSize(B * a.pieces), kThreads), a, pieces);
  LAUNCH(sampleRows, Geometry(gridSize(B), a.pieces > 1 ? kSampleThreads : kThreads), a, pieces);
}

void samplingOps(OpTable& table) { table.push_back({"SampleTokens", sampleTokensOp}); }

}  // namespace cuda
}  // namespace brevity
#endif
