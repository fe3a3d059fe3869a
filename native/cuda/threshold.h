// What lies above which logit of a row, without sorting: the threshold is found three bits at a time.
#pragma once
#include "block.h"

constexpr int kSampleThreads = 1024;  // of a block at most
constexpr int kDigits = 8;            // no more than a block has warps

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
  // The likeliest token's weight is exp(0) = 1.
  __device__ double of(float logit) const {
    return exp((static_cast<double>(logit) - largest) / temperature);
  }
  // Every logit below this has less weight, whatever rounding did: it needs no exponential.
  __device__ double logitOf(double weight) const { return largest + temperature * (log(weight) - 1e-6); }
};

// Sums over the block of what each digit has, for all threads to read until the next call.
DEVICE const double* digitSums(double* x) {
  __shared__ double ofWarps[kDigits][kSampleThreads / 32], sums[kDigits];
  constexpr int kLanesOfDigit = 32 / kDigits;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  sumOverLanes<kDigits, 32>(x, lane);
  if (lane % kLanesOfDigit == 0) ofWarps[lane / kLanesOfDigit][warp] = x[0];
  __syncthreads();
  if (warp < kDigits) {
    const double sum = warpFold(lane < static_cast<int>(blockDim.x / 32) ? ofWarps[warp][lane] : 0.0, Plus());
    if (lane == 0) sums[warp] = sum;
  }
  __syncthreads();
  return sums;
}

// The largest float x for which enough of the row lies at x or above, found three bits at a time: `mass` gives what a
// logit counts, those below `bound` nothing.
template <typename F>
DEVICE float thresholdOf(const Weights& w, double enough, double bound, F mass) {
  uint32_t found = 0;
  for (int shift = 30; shift >= 0; shift -= 3) {
    double sums[kDigits] = {};
    for (int64_t i = threadIdx.x; i < w.V; i += blockDim.x) {
      const float logit = w.row[i];
      const uint32_t order = orderOf(logit);
      if (logit < bound || order < (found | 1u << shift)) continue;
      const uint32_t digit = (order - found) >> shift;
      const double counted = mass(logit);
      UNROLL
      for (uint32_t k = 1; k < kDigits; k++)
        if (digit >= k) sums[k] += counted;
    }
    const double* above = digitSums(sums);
    uint32_t best = 0;
    for (uint32_t k = 1; k < kDigits; k++)
      if (above[k] >= enough) best = k;
    found |= best << shift;
  }
  return floatOf(found);
}
