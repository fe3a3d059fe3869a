#include "sampling.h"

#include "../threads.h"
#include "simd.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

// eˣ for x ≤ 0 in float64, relative error below about 4e-16; 0 below -708. Written so that the compiler vectorizes it.
inline double exponentialOfDouble(double x) {
  double bounded = x < -708.0 ? -708.0 : x;
  // Adding and subtracting 1.5·2⁵² rounds to an integer, which is then in the low bits.
  double shifted = bounded * 1.4426950408889634 + 6755399441055744.0;
  int64_t n;
  std::memcpy(&n, &shifted, sizeof n);
  double whole = shifted - 6755399441055744.0;
  double r = (bounded - whole * 6.93145751953125e-1) - whole * 1.42860682030941723212e-6;
  double p = 1.6059043836821613e-10;
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
  int64_t bits = static_cast<int64_t>(static_cast<uint64_t>(n + 1023) << 52);
  double scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return x < -708.0 ? 0.0 : p * scale;
}

// Uses eight sums, because a single one would wait for its own previous step.
template <class F>
double sumOfDoubles(int64_t n, const F& at) {
  double sums[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int64_t j = 0; j < 8; j++) sums[j] += at(i + j);
  for (; i < n; i++) sums[0] += at(i);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

// The lowest index if several are largest.
int64_t argmax(const float* x, int64_t V) {
  int64_t best = 0;
  for (int64_t i = 1; i < V; i++)
    if (x[i] > x[best]) best = i;
  return best;
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
  double total = sumOfDoubles(V, [&](int64_t i) { return weights[i]; });
  // Tokens below this weight cannot matter: together they weigh less than topP leaves out.
  double negligible = ((1 - topP) * total) / (2 * static_cast<double>(V));
  int64_t n = 0;
  for (int64_t i = 0; i < V; i++)
    if (weights[i] > negligible) copy[n++] = weights[i];
  return thresholdOf(copy, n, [&](int64_t, double sum) { return sum >= topP * total; });
}

int64_t draw(const float* logits, const Sampling& s, double uniform, double* weights, double* copy) {
  int64_t V = s.V;
  double max = static_cast<double>(logits[argmax(logits, V)]), temperature = s.temperature;
  for (int64_t i = 0; i < V; i++) weights[i] = exponentialOfDouble((static_cast<double>(logits[i]) - max) / temperature);
  if (s.topK > 0 && s.topK < V) dropBelow(weights, V, kthLargest(weights, V, s.topK, copy));
  if (s.topP < 1) dropBelow(weights, V, nucleusThreshold(weights, V, s.topP, copy));
  // The likeliest token's weight is exp(0) = 1.
  if (s.minP > 0) dropBelow(weights, V, s.minP);
  double left = uniform * sumOfDoubles(V, [&](int64_t i) { return weights[i]; });
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
    double max = static_cast<double>(logits[argmax(logits, V)]);
    double sum = sumOfDoubles(V, [&](int64_t i) { return exponentialOfDouble(static_cast<double>(logits[i]) - max); });
    if (s.repetitionPenalty != 1 && s.seen != nullptr) {
      std::memcpy(changed, logits, sizeof(float) * static_cast<size_t>(V));
      for (int64_t i = s.seenStart[b]; i < s.seenStart[b + 1]; i++) {
        float* x = changed + s.seen[i];
        double value = static_cast<double>(*x);
        *x = static_cast<float>(value > 0 ? value / s.repetitionPenalty : value * s.repetitionPenalty);
      }
      from = changed;
    }
    int64_t token = s.temperature == 0 ? argmax(from, V) : draw(from, s, s.uniforms[b], weights, weights + V);
    tokens[b] = static_cast<int32_t>(token);
    logps[b] = static_cast<float>(static_cast<double>(logits[token]) - (max + __builtin_log(sum)));
  });
}

}  // namespace BREVITY_NS
}  // namespace brevity
