// Sums over rows, for the gradients of parameters that all rows share: each block of rows is summed separately, then
// the blocks are added in order. The blocks depend only on the shape.
#pragma once
#include "../threads.h"
#include "simd.h"

namespace brevity {
namespace BREVITY_NS {

class ColumnSums {
 public:
  // Sums of `count` (0 to 2) rows of D columns over N rows.
  ColumnSums(int64_t N, int64_t D, int64_t count)
      : N_(N), D_(D), count_(count), block_(most(16, blocksOf(N, 64))), blocks_(blocksOf(N, block_)),
        partial_(blocks_ * D * count) {}

  // step(row, first sum, second sum) adds to the sums; a sum that is not counted is null.
  template <class F>
  void rows(const F& step) {
    parallel(blocks_, workersFor(blocks_), [&](int64_t block, int) {
      float* sum = count_ > 0 ? partial_.data() + block * count_ * D_ : nullptr;
      if (sum != nullptr) std::memset(sum, 0, sizeof(float) * static_cast<size_t>(count_ * D_));
      float* second = count_ > 1 ? sum + D_ : nullptr;
      for (int64_t n = block * block_; n < least(N_, (block + 1) * block_); n++) step(n, sum, second);
    });
  }

  void write(int64_t index, float* out) {
    if (index >= count_) return;
    int64_t wide = 1024, tasks = blocksOf(D_, wide);
    parallel(tasks, workersFor(tasks), [&](int64_t task, int) {
      int64_t first = task * wide, n = least(wide, D_ - first);
      std::memset(out + first, 0, sizeof(float) * static_cast<size_t>(n));
      for (int64_t block = 0; block < blocks_; block++) {
        const float* from = partial_.data() + (block * count_ + index) * D_ + first;
        eachVector(n, [&](int64_t i, auto lanes) {
          lanes.put(out + first + i, lanes.get(out + first + i) + lanes.get(from + i));
        });
      }
    });
  }

 private:
  int64_t N_, D_, count_, block_, blocks_;
  Scratch partial_;
};

}  // namespace BREVITY_NS
}  // namespace brevity
