#include "reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "blocks.h"

namespace brevity {
namespace {

constexpr int64_t kGrain = 16384;
// Rows longer than this are summed in pieces of this length, whatever the number of threads.
constexpr int64_t kPiece = 65536;
constexpr int kLanes = 8;

// Folds [outer, n, inner] over n with an accumulator of type A.
template <typename A, typename T, typename F>
void fold(const T* x, T* y, int64_t outer, int64_t n, int64_t inner, A start, F f) {
  if (inner == 1) {
    parallelFor(outer, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, n)), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; o++) {
        const T* row = x + o * n;
        A lanes[kLanes];
        std::fill(lanes, lanes + kLanes, start);
        int64_t i = 0;
        for (; i + kLanes <= n; i += kLanes)
          for (int k = 0; k < kLanes; k++) lanes[k] = f(lanes[k], row[i + k]);
        A result = start;
        for (; i < n; i++) result = f(result, row[i]);
        for (int k = 0; k < kLanes; k++) result = f(result, lanes[k]);
        y[o] = static_cast<T>(result);
      }
    });
    return;
  }
  // Blocks of columns, each summed over n with accumulators that fit the cache.
  constexpr int64_t kBlock = 256;
  const int64_t blocks = (inner + kBlock - 1) / kBlock;
  parallelFor(outer * blocks, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, n * std::min(inner, kBlock))),
              [&](int64_t begin, int64_t end) {
                A sums[kBlock];
                for (int64_t at = begin; at < end; at++) {
                  const int64_t o = at / blocks, first = at % blocks * kBlock;
                  const int64_t width = std::min(kBlock, inner - first);
                  std::fill(sums, sums + width, start);
                  for (int64_t i = 0; i < n; i++) {
                    const T* row = x + (o * n + i) * inner + first;
                    for (int64_t j = 0; j < width; j++) sums[j] = f(sums[j], row[j]);
                  }
                  for (int64_t j = 0; j < width; j++) y[o * inner + first + j] = static_cast<T>(sums[j]);
                }
              });
}

double sumOf(const float* x, int64_t n) {
  double lanes[kLanes] = {0};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int k = 0; k < kLanes; k++) lanes[k] += x[i + k];
  for (; i < n; i++) lanes[0] += x[i];
  return std::accumulate(lanes, lanes + kLanes, 0.0);
}

template <typename T>
const auto kLarger = [](T a, T b) { return b > a || b != b ? b : a; };
template <typename T>
const auto kSmaller = [](T a, T b) { return b < a || b != b ? b : a; };
const auto kTimes = [](auto a, auto b) { return a * static_cast<decltype(a)>(b); };

template <typename T, typename F>
void bestAt(const T* x, int32_t* y, int64_t outer, int64_t n, int64_t inner, F better) {
  parallelFor(outer * inner, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, n)), [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      const T* row = x + at / inner * n * inner + at % inner;
      int64_t best = 0;
      for (int64_t i = 1; i < n; i++)
        if (better(row[i * inner], row[best * inner])) best = i;
      y[at] = static_cast<int32_t>(best);
    }
  });
}

template <typename A, typename T, typename F>
void running(const T* x, T* y, int64_t outer, int64_t n, bool exclusive, bool reverse, A start, F f) {
  parallelFor(outer, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, n)), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++) {
      A total = start;
      for (int64_t i = 0; i < n; i++) {
        const int64_t at = o * n + (reverse ? n - 1 - i : i);
        const A next = f(total, x[at]);
        y[at] = static_cast<T>(exclusive ? total : next);
        total = next;
      }
    }
  });
}

}  // namespace

void sum(const float* x, float* y, int64_t outer, int64_t n, int64_t inner) {
  const auto plus = [](double a, float b) { return a + b; };
  if (outer == 1 && inner == 1 && n > kPiece) {
    const int64_t pieces = (n + kPiece - 1) / kPiece;
    std::vector<double> sums(static_cast<size_t>(pieces));
    parallelFor(n, kPiece, [&](int64_t begin, int64_t end) { sums[begin / kPiece] = sumOf(x + begin, end - begin); });
    *y = static_cast<float>(std::accumulate(sums.begin(), sums.end(), 0.0));
    return;
  }
  if (inner == 1) {
    parallelFor(outer, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, n)), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; o++) y[o] = static_cast<float>(sumOf(x + o * n, n));
    });
    return;
  }
  fold<double>(x, y, outer, n, inner, 0.0, plus);
}

void sum(const int32_t* x, int32_t* y, int64_t outer, int64_t n, int64_t inner) {
  fold<uint32_t>(x, y, outer, n, inner, 0u, [](uint32_t a, auto b) { return a + static_cast<uint32_t>(b); });
}

void mean(const float* x, float* y, int64_t outer, int64_t n, int64_t inner) {
  sum(x, y, outer, n, inner);
  const auto count = static_cast<float>(n);
  for (int64_t i = 0; i < outer * inner; i++) y[i] /= count;
}

// Each lane starts at the neutral element, so that all lanes can be multiplied together.
void product(const float* x, float* y, int64_t outer, int64_t n, int64_t inner) {
  fold<double>(x, y, outer, n, inner, 1.0, kTimes);
}
void product(const int32_t* x, int32_t* y, int64_t outer, int64_t n, int64_t inner) {
  fold<uint32_t>(x, y, outer, n, inner, 1u, kTimes);
}
void maximum(const float* x, float* y, int64_t outer, int64_t n, int64_t inner) {
  fold<float>(x, y, outer, n, inner, -std::numeric_limits<float>::infinity(), kLarger<float>);
}
void maximum(const int32_t* x, int32_t* y, int64_t outer, int64_t n, int64_t inner) {
  fold<int32_t>(x, y, outer, n, inner, std::numeric_limits<int32_t>::min(), kLarger<int32_t>);
}
void minimum(const float* x, float* y, int64_t outer, int64_t n, int64_t inner) {
  fold<float>(x, y, outer, n, inner, std::numeric_limits<float>::infinity(), kSmaller<float>);
}
void minimum(const int32_t* x, int32_t* y, int64_t outer, int64_t n, int64_t inner) {
  fold<int32_t>(x, y, outer, n, inner, std::numeric_limits<int32_t>::max(), kSmaller<int32_t>);
}
void all(const uint8_t* x, uint8_t* y, int64_t outer, int64_t n, int64_t inner) {
  fold<uint8_t>(x, y, outer, n, inner, uint8_t{1}, [](uint8_t a, uint8_t b) { return static_cast<uint8_t>(a & b); });
}
void any(const uint8_t* x, uint8_t* y, int64_t outer, int64_t n, int64_t inner) {
  fold<uint8_t>(x, y, outer, n, inner, uint8_t{0}, [](uint8_t a, uint8_t b) { return static_cast<uint8_t>(a | b); });
}

void argMax(const float* x, int32_t* y, int64_t outer, int64_t n, int64_t inner) {
  bestAt(x, y, outer, n, inner, [](float a, float b) { return a > b; });
}
void argMin(const float* x, int32_t* y, int64_t outer, int64_t n, int64_t inner) {
  bestAt(x, y, outer, n, inner, [](float a, float b) { return a < b; });
}

void runningSum(const float* x, float* y, int64_t outer, int64_t n, bool exclusive, bool reverse) {
  running(x, y, outer, n, exclusive, reverse, 0.0, [](double a, float b) { return a + b; });
}
void runningSum(const int32_t* x, int32_t* y, int64_t outer, int64_t n, bool exclusive, bool reverse) {
  running(x, y, outer, n, exclusive, reverse, 0u, [](uint32_t a, int32_t b) { return a + static_cast<uint32_t>(b); });
}
void runningProduct(const float* x, float* y, int64_t outer, int64_t n, bool exclusive, bool reverse) {
  running(x, y, outer, n, exclusive, reverse, 1.0, kTimes);
}
void runningProduct(const int32_t* x, int32_t* y, int64_t outer, int64_t n, bool exclusive, bool reverse) {
  running(x, y, outer, n, exclusive, reverse, 1u, kTimes);
}

void topK(const float* x, float* values, int32_t* at, int64_t outer, int64_t n, int64_t k) {
  std::vector<int32_t> order(static_cast<size_t>(n));
  for (int64_t o = 0; o < outer; o++) {
    const float* row = x + o * n;
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + k, order.end(), [row](int32_t a, int32_t b) {
      return row[a] != row[b] ? row[a] > row[b] : a < b;
    });
    for (int64_t i = 0; i < k; i++) {
      at[o * k + i] = order[i];
      values[o * k + i] = row[order[i]];
    }
  }
}

}  // namespace brevity
