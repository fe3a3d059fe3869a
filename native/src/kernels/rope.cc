#include "rope.h"

#include "../threads.h"
#include "simd.h"

namespace brevity {
namespace BREVITY_NS {

void rope(const float* x, const int32_t* positions, const float* cos, const float* sin, float* y, int64_t N,
          int64_t heads, int64_t d, int64_t half, float sign) {
  if (N <= 0 || heads <= 0 || d <= 0) return;
  int64_t rows = rowsOfTask(heads * d), tasks = blocksOf(N, rows);
  parallel(tasks, workersFor(tasks), [&](int64_t task, int) {
    for (int64_t n = task * rows; n < least(N, (task + 1) * rows); n++) {
      const float *c = cos + positions[n] * half, *s = sin + positions[n] * half;
      for (int64_t h = 0; h < heads; h++) {
        const float* from = x + (n * heads + h) * d;
        float* to = y + (n * heads + h) * d;
        eachVector(half, [&](int64_t i, auto lanes) {
          vec a = lanes.get(from + i), b = lanes.get(from + half + i);
          vec cosine = lanes.get(c + i), sine = lanes.get(s + i) * splat(sign);
          lanes.put(to + i, fnma(b, sine, a * cosine));
          lanes.put(to + half + i, fma(a, sine, b * cosine));
        });
        if (to != from && 2 * half < d)
          std::memcpy(to + 2 * half, from + 2 * half, sizeof(float) * static_cast<size_t>(d - 2 * half));
      }
    }
  });
}

}  // namespace BREVITY_NS
}  // namespace brevity
