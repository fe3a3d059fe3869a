#include "softmax.h"

#include "../threads.h"
#include "math.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

constexpr float kLowest = -3.402823466e+38f;

template <class F>
void eachRow(int64_t N, int64_t V, const F& step) {
  if (V <= 0) return;
  int64_t rows = rowsOfTask(V), tasks = blocksOf(N, rows);
  parallel(tasks, workersFor(tasks), [&](int64_t task, int) {
    for (int64_t n = task * rows; n < least(N, (task + 1) * rows); n++) step(n);
  });
}

float largestIn(const float* x, int64_t V) {
  vec best = splat(kLowest);
  int64_t i = 0;
  for (; i + W <= V; i += W) best = larger(best, load(x + i));
  float result = largestOf(best);
  for (; i < V; i++) result = x[i] > result ? x[i] : result;
  return result;
}

float sumOfExponentials(const float* x, int64_t V, float max) {
  return sumOver(V, [&](int64_t i, auto lanes) { return lanes.only(exponentialOf(lanes.get(x + i) - splat(max))); });
}

}  // namespace

void softmax(const float* x, float* y, int64_t N, int64_t V) {
  eachRow(N, V, [&](int64_t n) {
    const float* from = x + n * V;
    float *to = y + n * V, max = largestIn(from, V);
    float sum = sumOver(V, [&](int64_t i, auto lanes) {
      vec e = exponentialOf(lanes.get(from + i) - splat(max));
      lanes.put(to + i, e);
      return lanes.only(e);
    });
    vec inverse = splat(1.0f / sum);
    eachVector(V, [&](int64_t i, auto lanes) { lanes.put(to + i, lanes.get(to + i) * inverse); });
  });
}

void logSoftmax(const float* x, float* y, int64_t N, int64_t V) {
  eachRow(N, V, [&](int64_t n) {
    const float* from = x + n * V;
    float max = largestIn(from, V);
    // Subtracted one after the other, because max + log sum would round at the magnitude of max.
    vec first = splat(max), second = splat(__builtin_logf(sumOfExponentials(from, V, max)));
    eachVector(V, [&](int64_t i, auto lanes) { lanes.put(y + n * V + i, lanes.get(from + i) - first - second); });
  });
}

void logSoftmaxStats(const float* logits, const int32_t* targets, float* max, float* sum, float* at, int64_t N,
                     int64_t V) {
  eachRow(N, V, [&](int64_t n) {
    const float* row = logits + n * V;
    max[n] = largestIn(row, V);
    sum[n] = sumOfExponentials(row, V, max[n]);
    at[n] = row[targets[n]];
  });
}

void logSoftmaxGrad(const float* logits, const int32_t* targets, const float* max, const float* sum, const float* dy,
                    float* dlogits, int64_t N, int64_t V) {
  eachRow(N, V, [&](int64_t n) {
    const float* from = logits + n * V;
    float* to = dlogits + n * V;
    vec m = splat(max[n]), c = splat(-dy[n] / sum[n]);
    eachVector(V, [&](int64_t i, auto lanes) { lanes.put(to + i, exponentialOf(lanes.get(from + i) - m) * c); });
    to[targets[n]] += dy[n];
  });
}

}  // namespace BREVITY_NS
}  // namespace brevity
