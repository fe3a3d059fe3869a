#include "embedding.h"

#include "../threads.h"
#include "simd.h"

namespace brevity {
namespace BREVITY_NS {

void gatherRows(const float* table, const int32_t* ids, float* y, int64_t N, int64_t D, int64_t V) {
  int64_t rows = rowsOfTask(D), tasks = blocksOf(N, rows);
  parallel(tasks, workersFor(tasks), [&](int64_t task, int) {
    for (int64_t n = task * rows; n < least(N, (task + 1) * rows); n++) {
      size_t bytes = sizeof(float) * static_cast<size_t>(D);
      if (ids[n] >= 0 && ids[n] < V) {
        std::memcpy(y + n * D, table + ids[n] * D, bytes);
      } else {
        std::memset(y + n * D, 0, bytes);
      }
    }
  });
}

// Each task owns a range of the table's rows and goes through all ids, which are few compared to the rows.
void scatterAddRows(const float* dy, const int32_t* ids, float* table, int64_t N, int64_t D, int64_t V,
                    bool accumulate) {
  int64_t rows = most(blocksOf(V, 64), rowsOfTask(D)), tasks = blocksOf(V, rows);
  parallel(tasks, workersFor(tasks), [&](int64_t task, int) {
    int64_t first = task * rows, end = least(V, first + rows);
    if (!accumulate) std::memset(table + first * D, 0, sizeof(float) * static_cast<size_t>((end - first) * D));
    for (int64_t n = 0; n < N; n++) {
      if (ids[n] < first || ids[n] >= end) continue;
      float* to = table + ids[n] * D;
      const float* from = dy + n * D;
      eachVector(D, [&](int64_t i, auto lanes) { lanes.put(to + i, lanes.get(to + i) + lanes.get(from + i)); });
    }
  });
}

}  // namespace BREVITY_NS
}  // namespace brevity
