// The next token of each row of logits as src/sampling/choose.ts chooses it (../src/kernels/sampling.h): repetition
// penalty, temperature, top-k, top-p, min-p in float64, and inverse transform over the kept tokens in order of their
// ids. A block a row. No sorting: a threshold is found bit by bit, by counting or adding up what lies above it.
#include "block.h"

struct SamplingArguments {
  int64_t V, topK;
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

// Bits that order as the floats do.
DEVICE uint32_t orderOf(float x) {
  const uint32_t bits = __float_as_uint(x);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
DEVICE float floatOf(uint32_t order) { return __uint_as_float(order & 0x80000000u ? order & 0x7fffffffu : ~order); }

struct Weights {
  const float* row;
  int64_t V;
  float largest;
  double temperature;
  __device__ double at(int64_t i) const { return of(row[i]); }
  // The likeliest token's weight is exp(0) = 1.
  __device__ double of(float logit) const {
    return exp((static_cast<double>(logit) - largest) / temperature);
  }
};

// The largest float x for which enough of the row lies at x or above: `mass` gives what each token counts.
template <typename F>
DEVICE float thresholdOf(const Weights& w, double enough, F mass) {
  uint32_t found = 0;
  for (int bit = 31; bit >= 0; bit--) {
    const uint32_t candidate = found | 1u << bit;
    double sum = 0;
    for (int64_t i = threadIdx.x; i < w.V; i += kThreads)
      if (orderOf(w.row[i]) >= candidate) sum += mass(i);
    if (blockSum(sum) >= enough) found = candidate;
  }
  return floatOf(found);
}

// The least weight that is kept.
DEVICE double leastWeight(const Weights& w, const SamplingArguments& a) {
  double least = 0;
  if (a.topK > 0 && a.topK < a.V)
    least = w.of(thresholdOf(w, static_cast<double>(a.topK), [](int64_t) { return 1.0; }));
  if (a.topP < 1) {
    const double before = least;
    const auto mass = [&](int64_t i) {
      const double weight = w.at(i);
      return weight < before ? 0.0 : weight;
    };
    double total = 0;
    for (int64_t i = threadIdx.x; i < w.V; i += kThreads) total += mass(i);
    const double nucleus = w.of(thresholdOf(w, a.topP * blockSum(total), mass));
    if (nucleus > least) least = nucleus;
  }
  return a.minP > least ? a.minP : least;
}

KERNEL sampleRows(SamplingArguments a) {
  __shared__ double sums[kThreads];
  __shared__ int chosen;
  const int64_t b = blockIdx.x;
  const int tid = threadIdx.x;
  const float* logits = a.logits + b * a.V;
  Weights w = {a.penalised + b * a.V, a.V, 0, a.temperature};
  Place largest = {0, -1}, likeliest = {0, -1};
  for (int64_t i = tid; i < a.V; i += kThreads) {
    largest = BestPlace<1>::join(largest, Place{logits[i], static_cast<int32_t>(i)});
    likeliest = BestPlace<1>::join(likeliest, Place{w.row[i], static_cast<int32_t>(i)});
  }
  largest = blockFold(largest, Place{0, -1}, BestPlace<1>());
  likeliest = blockFold(likeliest, Place{0, -1}, BestPlace<1>());
  double normaliser = 0;
  for (int64_t i = tid; i < a.V; i += kThreads) normaliser += exp(static_cast<double>(logits[i]) - largest.value);
  normaliser = largest.value + log(blockSum(normaliser));
  int token = likeliest.at < 0 ? 0 : likeliest.at;
  if (a.temperature > 0) {
    w.largest = likeliest.value;
    const double least = leastWeight(w, a);
    // Each thread has a run of neighbouring tokens.
    const int64_t run = (a.V + kThreads - 1) / kThreads, first = tid * run;
    const int64_t end = first + run < a.V ? first + run : a.V;
    double sum = 0;
    for (int64_t i = first; i < end; i++) {
      const double weight = w.at(i);
      if (weight >= least) sum += weight;
    }
    sums[tid] = sum;
    __syncthreads();
    double total = 0, before = 0;
    for (int t = 0; t < kThreads; t++) {
      if (t == tid) before = total;
      total += sums[t];
    }
    const double aim = a.uniforms[b] * total;
    // The last one that is kept, where rounding lets none be reached.
    int last = -1;
    for (int64_t i = first; i < end; i++) {
      const double weight = w.at(i);
      if (weight >= least && weight > 0) last = static_cast<int>(i);
    }
    const Place final = blockFold(Place{0, last}, Place{0, -1}, LaterPlace());
    if (tid == 0) chosen = final.at < 0 ? 0 : final.at;
    __syncthreads();
    // One thread's run holds the aim: `before + sum` is the next one's `before`.
    if (before <= aim && aim < before + sum) {
      double reached = before;
      int token = -1;
      for (int64_t i = first; i < end; i++) {
        const double weight = w.at(i);
        if (!(weight >= least) || weight == 0) continue;
        token = static_cast<int>(i);
        reached += weight;
        if (aim < reached) break;
      }
      chosen = token;
    }
    __syncthreads();
    token = chosen;
  }
  if (tid == 0) {
    a.tokens[b] = token;
    a.logps[b] = static_cast<float>(static_cast<double>(logits[token]) - normaliser);
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
  LAUNCH(sampleRows, Geometry(gridSize(B), kThreads), a);
}

void samplingOps(OpTable& table) { table.push_back({"SampleTokens", sampleTokensOp}); }

}  // namespace cuda
}  // namespace brevity
#endif
