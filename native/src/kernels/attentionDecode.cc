#include "../threads.h"
#include "attention.h"
#include "math.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

constexpr float kNever = -__builtin_inff();
// Keys scored at a time; the softmax continues from one block to the next.
constexpr int64_t kKeys = 64;
// Query heads of a group that share a pass over the keys.
constexpr int64_t kHeads = 4;

// An unfinished softmax: o [d] = Σ exp(score - max)·value.
struct Running {
  float max, sum;
};

void scores(const float* q, int64_t heads, const float* keys, int64_t n, int64_t d, float scale, float* out) {
  for (int64_t j = 0; j < n; j++)
    for (int64_t h = 0; h < heads; h++) {
      const float *x = q + h * d, *y = keys + j * d;
      vec sum = zero();
      eachVector(d, [&](int64_t i, auto lanes) { sum = fma(lanes.get(x + i), lanes.get(y + i), sum); });
      out[h * kKeys + j] = sumOf(sum) * scale;
    }
}

// o [heads, d] += weights [heads, kKeys]·values [n, d]; o is first multiplied by keep [heads].
void addValues(const float* weights, const float* keep, int64_t heads, const float* values, int64_t n, int64_t d,
               float* o) {
  eachVector(d, [&](int64_t i, auto lanes) {
    vec sum[kHeads];
    for (int64_t h = 0; h < heads; h++) sum[h] = lanes.get(o + h * d + i) * splat(keep[h]);
    for (int64_t j = 0; j < n; j++) {
      vec y = lanes.get(values + j * d + i);
      for (int64_t h = 0; h < heads; h++) sum[h] = fma(splat(weights[h * kKeys + j]), y, sum[h]);
    }
    for (int64_t h = 0; h < heads; h++) lanes.put(o + h * d + i, sum[h]);
  });
}

// Attends to keys [first, end) of one cache, for up to kHeads heads.
void attend(const float* q, int64_t heads, const float* keys, const float* values, int64_t first, int64_t end, int64_t d,
            float scale, Running* state, float* o) {
  float weights[kHeads * kKeys], keep[kHeads];
  for (int64_t j = first; j < end; j += kKeys) {
    int64_t n = least(kKeys, end - j), padded = blocksOf(n, W) * W;
    scores(q, heads, keys + j * d, n, d, scale, weights);
    for (int64_t h = 0; h < heads; h++) {
      float* row = weights + h * kKeys;
      for (int64_t i = n; i < padded; i++) row[i] = kNever;
      vec best = splat(state[h].max), total = zero();
      for (int64_t i = 0; i < padded; i += W) best = larger(best, load(row + i));
      float max = largestOf(best);
      for (int64_t i = 0; i < padded; i += W) {
        vec e = exponentialOf(load(row + i) - splat(max));
        store(row + i, e);
        total = total + e;
      }
      keep[h] = state[h].max == kNever ? 0.0f : __builtin_expf(state[h].max - max);
      state[h] = {max, state[h].sum * keep[h] + sumOf(total)};
    }
    addValues(weights, keep, heads, values + j * d, n, d, o);
  }
}

}  // namespace

void attentionDecode(const AttentionDecode& s) {
  if (s.B <= 0 || s.K <= 0) return;
  int64_t d = s.d, group = s.H / s.K, tasks = s.K * s.B;
  size_t bytes = sizeof(float) * static_cast<size_t>(d);
  // Consecutive tasks are rows of the same head, so that a prefix that they share stays in the cache.
  parallel(tasks, workersFor(tasks), [&](int64_t task, int) {
    int64_t c = task / s.B, b = task % s.B, length = s.lengths[b];
    int64_t prefix = s.prefixIndex == nullptr ? -1 : s.prefixIndex[b];
    int64_t before = prefix < 0 ? 0 : s.prefixLengths[prefix];
    float *keys = s.keys + (b * s.K + c) * s.capacity * d, *values = s.values + (b * s.K + c) * s.capacity * d;
    std::memcpy(keys + length * d, s.k + (b * s.K + c) * d, bytes);
    std::memcpy(values + length * d, s.v + (b * s.K + c) * d, bytes);
    int64_t first = s.window > 0 ? most(0, before + length + 1 - s.window) : 0;
    for (int64_t g = 0; g < group; g += kHeads) {
      int64_t heads = least(kHeads, group - g), at = (b * s.H + c * group + g) * d;
      float* o = s.out + at;
      Running state[kHeads];
      for (int64_t h = 0; h < heads; h++) state[h] = {kNever, 0};
      std::memset(o, 0, bytes * static_cast<size_t>(heads));
      if (first < before) {
        int64_t from = (prefix * s.K + c) * s.prefixCapacity * d;
        attend(s.q + at, heads, s.prefixKeys + from, s.prefixValues + from, first, before, d, s.scale, state, o);
      }
      attend(s.q + at, heads, keys, values, most(0, first - before), length + 1, d, s.scale, state, o);
      for (int64_t h = 0; h < heads; h++)
        eachVector(d, [&](int64_t i, auto lanes) {
          lanes.put(o + h * d + i, lanes.get(o + h * d + i) * splat(1.0f / state[h].sum));
        });
    }
  });
}

void fillCache(const float* x, float* cache, int64_t B, int64_t T, int64_t K, int64_t d, int64_t capacity) {
  if (T <= 0 || d <= 0) return;
  int64_t tasks = B * K;
  parallel(tasks, workersFor(tasks), [&](int64_t task, int) {
    int64_t b = task / K, c = task % K;
    for (int64_t t = 0; t < T; t++)
      std::memcpy(cache + (task * capacity + t) * d, x + ((b * T + t) * K + c) * d, sizeof(float) * static_cast<size_t>(d));
  });
}

}  // namespace BREVITY_NS
}  // namespace brevity
