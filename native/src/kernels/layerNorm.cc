#include "layerNorm.h"

#include "../threads.h"
#include "columnSums.h"
#include "simd.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

struct Moments {
  float mean, inverse;
};

// In two passes, because E[x²] - mean² would cancel.
Moments momentsOf(const float* x, int64_t D, float eps) {
  float mean = sumOver(D, [&](int64_t i, auto lanes) { return lanes.get(x + i); }) / static_cast<float>(D);
  float squares = sumOver(D, [&](int64_t i, auto lanes) {
    vec v = lanes.only(lanes.get(x + i) - splat(mean));
    return v * v;
  });
  return {mean, 1.0f / __builtin_sqrtf(squares / static_cast<float>(D) + eps)};
}

}  // namespace

void layerNorm(const float* x, const float* w, const float* b, float* y, int64_t N, int64_t D, float eps) {
  if (N <= 0 || D <= 0) return;
  int64_t rows = rowsOfTask(D), tasks = blocksOf(N, rows);
  parallel(tasks, workersFor(tasks), [&](int64_t task, int) {
    for (int64_t n = task * rows; n < least(N, (task + 1) * rows); n++) {
      const float* from = x + n * D;
      float* to = y + n * D;
      Moments m = momentsOf(from, D, eps);
      eachVector(D, [&](int64_t i, auto lanes) {
        vec normal = (lanes.get(from + i) - splat(m.mean)) * splat(m.inverse);
        lanes.put(to + i, fma(normal, lanes.get(w + i), lanes.get(b + i)));
      });
    }
  });
}

// dx = r·(g - mean(g) - ŷ·mean(g·ŷ)) with g = dy·w and ŷ the normalised row; dw = Σ_rows dy·ŷ, db = Σ_rows dy.
void layerNormGrad(const float* x, const float* w, const float* dy, float* dx, float* dw, float* db, int64_t N,
                   int64_t D, float eps) {
  if (D <= 0) return;
  ColumnSums sums(N, D, dw != nullptr ? 2 : 0);
  sums.rows([&](int64_t n, float* dwSum, float* dbSum) {
    const float *from = x + n * D, *dfrom = dy + n * D;
    float* to = dx + n * D;
    Moments m = momentsOf(from, D, eps);
    vec mean = splat(m.mean), r = splat(m.inverse);
    float g = sumOver(D, [&](int64_t i, auto lanes) { return lanes.get(dfrom + i) * lanes.get(w + i); });
    float along = sumOver(D, [&](int64_t i, auto lanes) {
      return lanes.get(dfrom + i) * lanes.get(w + i) * ((lanes.get(from + i) - mean) * r);
    });
    vec gMean = splat(g / static_cast<float>(D)), c = splat(along / static_cast<float>(D));
    eachVector(D, [&](int64_t i, auto lanes) {
      vec normal = (lanes.get(from + i) - mean) * r, d = lanes.get(dfrom + i);
      if (dwSum != nullptr) {
        lanes.put(dwSum + i, fma(d, normal, lanes.get(dwSum + i)));
        lanes.put(dbSum + i, lanes.get(dbSum + i) + d);
      }
      lanes.put(to + i, r * fnma(normal, c, d * lanes.get(w + i) - gMean));
    });
  });
  sums.write(0, dw);
  sums.write(1, db);
}

}  // namespace BREVITY_NS
}  // namespace brevity
