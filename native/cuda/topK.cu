// The k largest of each row, largest first, of equal ones the first (../src/elements/reduce.cc): k passes over the row,
// each for the next one. A block a row. NaN comes last.
#include "block.h"

struct Ranked {
  float value;
  int32_t at;  // -1 for none
};

// Whether a comes before b.
DEVICE bool before(Ranked a, Ranked b) {
  if (b.at < 0 || a.at < 0) return a.at >= 0;
  const bool aNan = isNan(a.value), bNan = isNan(b.value);
  if (aNan != bNan) return bNan;
  if (!aNan && a.value != b.value) return a.value > b.value;
  return a.at < b.at;
}
struct First {
  __device__ Ranked operator()(Ranked a, Ranked b) const { return before(b, a) ? b : a; }
};

KERNEL topKRows(const float* x, float* values, int32_t* at, int64_t n, int64_t k) {
  const float* row = x + static_cast<int64_t>(blockIdx.x) * n;
  Ranked last = {0, -1};
  for (int64_t found = 0; found < k; found++) {
    Ranked best = {0, -1};
    for (int64_t i = threadIdx.x; i < n; i += kThreads) {
      const Ranked candidate = {row[i], static_cast<int32_t>(i)};
      if (found > 0 && !before(last, candidate)) continue;
      if (before(candidate, best)) best = candidate;
    }
    last = blockFold(best, Ranked{0, -1}, First());
    if (threadIdx.x == 0) {
      values[blockIdx.x * k + found] = last.value;
      at[blockIdx.x * k + found] = last.at;
    }
  }
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {

void topKOps(OpTable& table) {
  // x, values, indices; outer, n, k
  table.push_back({"TopK", [](const Launch& l) {
                     const int64_t outer = l.count(0), n = l.count(1), k = l.count(2);
                     if (k > n) l.fail("takes k up to the number of elements");
                     if (outer == 0) return;
                     LAUNCH(topKRows, Geometry(gridSize(outer), kThreads), l.floats(0, outer * n),
                            l.floats(1, outer * k), l.ints(2, outer * k), n, k);
                   }});
}

}  // namespace cuda
}  // namespace brevity
#endif
