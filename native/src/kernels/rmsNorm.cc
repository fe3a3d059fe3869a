#include "rmsNorm.h"

#include "../threads.h"
#include "columnSums.h"
#include "simd.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

float inverseRms(const float* x, int64_t D, float eps) {
  float squares = sumOver(D, [&](int64_t i, auto lanes) {
    vec v = lanes.get(x + i);
    return v * v;
  });
  return 1.0f / __builtin_sqrtf(squares / static_cast<float>(D) + eps);
}

}  // namespace

void rmsNorm(const float* x, const float* w, float* y, int64_t N, int64_t D, float eps) {
  if (N <= 0 || D <= 0) return;
  int64_t rows = rowsOfTask(D), tasks = blocksOf(N, rows);
  parallel(tasks, workersFor(tasks), [&](int64_t task, int) {
    for (int64_t n = task * rows; n < least(N, (task + 1) * rows); n++) {
      const float* from = x + n * D;
      float* to = y + n * D;
      vec r = splat(inverseRms(from, D, eps));
      eachVector(D, [&](int64_t i, auto lanes) { lanes.put(to + i, lanes.get(from + i) * r * lanes.get(w + i)); });
    }
  });
}

// dx = r·(g - x·r²·mean(g·x)) with g = dy·w; dw = Σ_rows dy·x·r.
void rmsNormGrad(const float* x, const float* w, const float* dy, float* dx, float* dw, int64_t N, int64_t D, float eps) {
  if (D <= 0) return;
  ColumnSums sums(N, D, dw != nullptr ? 1 : 0);
  sums.rows([&](int64_t n, float* sum, float*) {
    const float *from = x + n * D, *dfrom = dy + n * D;
    float *to = dx + n * D, inverse = inverseRms(from, D, eps);
    float along = sumOver(D, [&](int64_t i, auto lanes) {
      return lanes.get(dfrom + i) * lanes.get(w + i) * lanes.get(from + i);
    });
    vec r = splat(inverse), c = splat(along / static_cast<float>(D) * inverse * inverse);
    eachVector(D, [&](int64_t i, auto lanes) {
      vec v = lanes.get(from + i), d = lanes.get(dfrom + i);
      if (sum != nullptr) lanes.put(sum + i, fma(d, v * r, lanes.get(sum + i)));
      lanes.put(to + i, r * fnma(v, c, d * lanes.get(w + i)));
    });
  });
  sums.write(0, dw);
}

}  // namespace BREVITY_NS
}  // namespace brevity
