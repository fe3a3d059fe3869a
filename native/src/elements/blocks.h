// A loop divided among threads.
#pragma once
#include <algorithm>
#include <cstdint>

#include "../threads.h"

namespace brevity {

// f(begin, end) over [0, n) in blocks of `grain`. Blocks depend only on n, not on the number of threads. f must not
// throw.
template <typename F>
void parallelFor(int64_t n, int64_t grain, const F& f) {
  if (n <= 0) return;
  const int64_t blocks = (n + grain - 1) / grain;
  if (blocks == 1) {
    f(int64_t{0}, n);
    return;
  }
  parallel(blocks, workersFor(blocks), [&](int64_t i, int) { f(i * grain, std::min(n, (i + 1) * grain)); });
}

}  // namespace brevity
