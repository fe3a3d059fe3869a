#include "sampling.h"

#include "../threads.h"
#include "simd.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

// Vectors of float64 as wide as vec, and the float32 that fill one.
constexpr int kDoubles = W / 2;
typedef double doubles __attribute__((vector_size(kDoubles * sizeof(double))));
typedef int64_t words __attribute__((vector_size(kDoubles * sizeof(int64_t))));
typedef float halfVec __attribute__((vector_size(kDoubles * sizeof(float))));

BREVITY_INLINE doubles widened(const float* x) {
  halfVec narrow;
  std::memcpy(&narrow, x, sizeof narrow);
  return __builtin_convertvector(narrow, doubles);
}
BREVITY_INLINE doubles allOf(double x) { return doubles{} + x; }
BREVITY_INLINE doubles where(words mask, doubles x, doubles y) {
  return reinterpret_cast<doubles>((reinterpret_cast<words>(x) & mask) | (reinterpret_cast<words>(y) & ~mask));
}

// eˣ for x ≤ 0, relative error below about 4e-16; 0 below -708. NaN stays.
BREVITY_INLINE doubles exponentialOfDoubles(doubles x) {
  const words tiny = x < -708.0;
  const doubles bounded = where(tiny, allOf(-708.0), x);
  // Adding and subtracting 1.5·2⁵² rounds to an integer, which is then in the low bits.
  const doubles shifted = bounded * 1.4426950408889634 + 6755399441055744.0;
  const doubles whole = shifted - 6755399441055744.0;
  const doubles r = (bounded - whole * 6.93145751953125e-1) - whole * 1.42860682030941723212e-6;
  doubles p = allOf(1.6059043836821613e-10);
  p = p * r + 2.08767569878681e-9;
  p = p * r + 2.505210838544172e-8;
  p = p * r + 2.755731922398589e-7;
  p = p * r + 2.7557319223985893e-6;
  p = p * r + 2.48015873015873e-5;
  p = p * r + 1.984126984126984e-4;
  p = p * r + 1.388888888888889e-3;
  p = p * r + 8.333333333333333e-3;
  p = p * r + 4.1666666666666664e-2;
  p = p * r + 1.6666666666666666e-1;
  p = ((p * r + 0.5) * r + 1.0) * r + 1.0;
  const words exponent = (reinterpret_cast<words>(shifted) + 1023) << 52;
  return where(tiny, allOf(0.0), p * reinterpret_cast<doubles>(exponent));
}

// Eight running sums, because a single one would wait for its own previous step.
class Sums {
 public:
  void add(int j, doubles x) { sums_[j] = sums_[j] + x; }
  double total() const {
    double sums[8];
    std::memcpy(sums, sums_, sizeof sums);
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  }

 private:
  doubles sums_[8 / kDoubles] = {};
};

// Σ exp((x - max) / temperature) over x [n]; the summands go to `weights` unless that is null.
double exponentials(const float* x, int64_t n, float max, double temperature, double* weights) {
  Sums sums;
  for (int64_t i = 0; i < n; i += 8) {
    float last[8];
    const float* from = x + i;
    const int64_t lanes = least(8, n - i);
    if (lanes < 8) {
      for (int64_t j = 0; j < 8; j++) last[j] = j < lanes ? from[j] : -__builtin_inff();
      from = last;
    }
    double values[8];
    for (int j = 0; j < 8 / kDoubles; j++) {
      doubles shifted = widened(from + j * kDoubles) - static_cast<double>(max);
      if (temperature != 1) shifted = shifted / temperature;
      const doubles value = exponentialOfDoubles(shifted);
      sums.add(j, value);
      std::memcpy(values + j * kDoubles, &value, sizeof value);
    }
    if (weights != nullptr) std::memcpy(weights + i, values, sizeof(double) * static_cast<size_t>(lanes));
  }
  return sums.total();
}

double sumOf(const double* x, int64_t n) {
  Sums sums;
  for (int64_t i = 0; i < n; i += 8) {
    double values[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    std::memcpy(values, x + i, sizeof(double) * static_cast<size_t>(least(8, n - i)));
    for (int j = 0; j < 8 / kDoubles; j++) {
      doubles value;
      std::memcpy(&value, values + j * kDoubles, sizeof value);
      sums.add(j, value);
    }
  }
  return sums.total();
}

// The largest value; NaN if the first one is.
float largest(const float* x, int64_t n) {
  vec max = splat(x[0]);
  eachVector(n, [&](int64_t i, auto lanes) { max = larger(lanes.orElse(lanes.get(x + i), max), max); });
  return largestOf(max);
}

// The lowest index of a value; 0 if there is none.
int64_t firstOf(const float* x, int64_t n, float value) {
  for (int64_t i = 0; i < n; i++)
    if (x[i] == value) return i;
  return 0;
}

void dropBelow(double* weights, int64_t V, double threshold) {
  for (int64_t i = 0; i < V; i++)
    if (weights[i] < threshold) weights[i] = 0;
}

double middleOf(double a, double b, double c) {
  if (a > b) return b > c ? b : a > c ? c : a;
  return a > c ? a : b > c ? c : b;
}

// Takes the values of x [n] from the largest down and returns the value v at which `enough` first holds: enough(count,
// sum) of all values that are at least v. Returns the smallest value if it never holds. Reorders x; linear in n on
// average.
template <class F>
double thresholdOf(double* x, int64_t n, const F& enough) {
  int64_t count = 0;
  double sum = 0, smallest = 0;
  while (n > 0) {
    double pivot = middleOf(x[0], x[n / 2], x[n - 1]), greaterSum = 0;
    // [0, greater) are above the pivot, [greater, at) equal to it, [less, n) below.
    int64_t greater = 0, at = 0, less = n;
    while (at < less) {
      double value = x[at];
      if (value > pivot) {
        greaterSum += value;
        x[at++] = x[greater];
        x[greater++] = value;
      } else if (value < pivot) {
        x[at] = x[--less];
        x[less] = value;
      } else {
        at++;
      }
    }
    if (greater > 0 && enough(count + greater, sum + greaterSum)) {
      n = greater;
      continue;
    }
    count += less;
    sum += greaterSum + pivot * static_cast<double>(less - greater);
    smallest = pivot;
    if (enough(count, sum)) return pivot;
    x += less;
    n -= less;
  }
  return smallest;
}

double kthLargest(const double* weights, int64_t V, int64_t k, double* copy) {
  std::memcpy(copy, weights, sizeof(double) * static_cast<size_t>(V));
  return thresholdOf(copy, V, [&](int64_t count, double) { return count >= k; });
}

// The weight of the least likely token of the smallest set with probability topP.
double nucleusThreshold(const double* weights, int64_t V, double topP, double* copy) {
  double total = sumOf(weights, V);
  // Tokens below this weight cannot matter: together they weigh less than topP leaves out.
  double negligible = ((1 - topP) * total) / (2 * static_cast<double>(V));
  int64_t n = 0;
  for (int64_t i = 0; i < V; i++)
    if (weights[i] > negligible) copy[n++] = weights[i];
  return thresholdOf(copy, n, [&](int64_t, double sum) { return sum >= topP * total; });
}

// A token by its weight, after truncation.
int64_t draw(const Sampling& s, double uniform, double* weights, double* copy) {
  const int64_t V = s.V;
  if (s.topK > 0 && s.topK < V) dropBelow(weights, V, kthLargest(weights, V, s.topK, copy));
  if (s.topP < 1) dropBelow(weights, V, nucleusThreshold(weights, V, s.topP, copy));
  // The likeliest token's weight is exp(0) = 1.
  if (s.minP > 0) dropBelow(weights, V, s.minP);
  double left = uniform * sumOf(weights, V);
  int64_t last = 0;
  for (int64_t i = 0; i < V; i++) {
    if (weights[i] == 0) continue;
    last = i;
    left -= weights[i];
    if (left < 0) return i;
  }
  return last;
}

}  // namespace

void sampleTokens(const Sampling& s, int32_t* tokens, float* logps) {
  if (s.B <= 0 || s.V <= 0) return;
  int workers = workersFor(s.B);
  // Per worker: weights and a copy of them in float64, the penalised logits in float32.
  int64_t V = s.V, buffer = 5 * (V + 1);
  buffer += buffer % 2;
  Scratch scratch(workers * buffer);
  parallel(s.B, workers, [&](int64_t b, int worker) {
    double* weights = reinterpret_cast<double*>(scratch.data() + worker * buffer);
    float* changed = reinterpret_cast<float*>(weights + 2 * V);
    const float *logits = s.logits + b * V, *from = logits;
    const float max = largest(logits, V);
    if (s.repetitionPenalty != 1 && s.seen != nullptr) {
      std::memcpy(changed, logits, sizeof(float) * static_cast<size_t>(V));
      for (int64_t i = s.seenStart[b]; i < s.seenStart[b + 1]; i++) {
        float* x = changed + s.seen[i];
        double value = static_cast<double>(*x);
        *x = static_cast<float>(value > 0 ? value / s.repetitionPenalty : value * s.repetitionPenalty);
      }
      from = changed;
    }
    const float top = from == logits ? max : largest(from, V);
    // Weights of the policy itself serve for its probability as well.
    const bool own = s.temperature == 1 && from == logits;
    const double sum = exponentials(logits, V, max, 1, own ? weights : nullptr);
    if (s.temperature != 0 && !own) exponentials(from, V, top, s.temperature, weights);
    const int64_t token = s.temperature == 0 ? firstOf(from, V, top) : draw(s, s.uniforms[b], weights, weights + V);
    tokens[b] = static_cast<int32_t>(token);
    logps[b] = static_cast<float>(static_cast<double>(logits[token]) - (static_cast<double>(max) + __builtin_log(sum)));
  });
}

}  // namespace BREVITY_NS
}  // namespace brevity
