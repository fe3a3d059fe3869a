// Sums and extremes over the threads of a warp and of a block; all get the result. Blocks are a multiple of 32 threads.
// Every order of additions is fixed by the block's size.
#pragma once
#include "cuda.h"

constexpr unsigned kAllLanes = 0xffffffffu;

// NaN wins.
DEVICE float larger(float a, float b) { return b > a || b != b ? b : a; }
DEVICE float smaller(float a, float b) { return b < a || b != b ? b : a; }

// The value of the lane whose number differs by `with`; T of 4 or 8 bytes.
template <typename T>
DEVICE T fromLane(T x, int with) {
  if constexpr (sizeof(T) == 8) {
    unsigned long long bits;
    memcpy(&bits, &x, 8);
    bits = __shfl_xor_sync(kAllLanes, bits, with);
    memcpy(&x, &bits, 8);
  } else {
    static_assert(sizeof(T) == 4, "lanes exchange 4 or 8 bytes");
    unsigned bits;
    memcpy(&bits, &x, 4);
    bits = __shfl_xor_sync(kAllLanes, bits, with);
    memcpy(&x, &bits, 4);
  }
  return x;
}

template <typename T, typename F>
DEVICE T warpFold(T x, F f) {
  for (int with = 16; with > 0; with /= 2) x = f(x, fromLane(x, with));
  return x;
}

// Each of n values summed over a group of lanes, both powers of two: into x[0] that of place lane / (lanes / n), with far
// fewer exchanges than n folds. x is used up.
template <int n, int lanes, typename T>
DEVICE void sumOverLanes(T* x, int lane) {
  if constexpr (lanes > 1) {
    if constexpr (n == 1) {
      x[0] += fromLane(x[0], lanes / 2);
    } else {
      const bool upper = (lane & lanes / 2) != 0;
      UNROLL
      for (int i = 0; i < n / 2; i++) {
        const T low = x[i], high = x[i + n / 2];
        x[i] = (upper ? high : low) + fromLane(upper ? low : high, lanes / 2);
      }
    }
    sumOverLanes<(n + 1) / 2, lanes / 2>(x, lane);
  }
}

// All threads of the block must come here.
template <typename T, typename F>
DEVICE T blockFold(T x, T neutral, F f) {
  __shared__ T sums[32];
  x = warpFold(x, f);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  __syncthreads();  // the last call's readers are done
  if (lane == 0) sums[warp] = x;
  __syncthreads();
  x = lane < warps ? sums[lane] : neutral;
  return warpFold(x, f);
}

struct Plus {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
struct Larger {
  __device__ float operator()(float a, float b) const { return larger(a, b); }
};

template <typename T>
DEVICE T blockSum(T x) {
  return blockFold(x, T(0), Plus());
}
DEVICE float blockMax(float x) { return blockFold(x, -INFINITE, Larger()); }

// The first place of the largest (sign 1) or smallest (-1); NaN never is it, unless it comes at place 0. `at` is -1 for
// none yet.
struct Place {
  float value;
  int32_t at;
};
template <int sign>
struct BestPlace {
  static __device__ Place join(Place a, Place b) {
    if (a.at < 0 || b.at < 0) return a.at < 0 ? b : a;
    const bool aFirst = a.at < b.at;
    const Place early = aFirst ? a : b, late = aFirst ? b : a;
    if (isNan(early.value)) return early.at == 0 ? early : late;
    return sign * late.value > sign * early.value ? late : early;
  }
  __device__ Place operator()(Place a, Place b) const { return join(a, b); }
};
// The place that comes last.
struct LaterPlace {
  __device__ Place operator()(Place a, Place b) const { return a.at > b.at ? a : b; }
};
