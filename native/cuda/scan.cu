// Running sums and products (../src/elements/reduce.cc): a thread for each row, in order.
#include "cuda.h"

template <typename A, typename T, bool times>
DEVICE void scanRows(const T* x, T* y, int64_t outer, int64_t n, int exclusive, int reverse) {
  for (EACH(o, outer)) {
    A total = times ? 1 : 0;
    for (int64_t i = 0; i < n; i++) {
      const int64_t at = o * n + (reverse ? n - 1 - i : i);
      const A next = times ? total * static_cast<A>(x[at]) : total + static_cast<A>(x[at]);
      y[at] = static_cast<T>(exclusive ? total : next);
      total = next;
    }
  }
}

// Integers wrap around.
#define SCANS(X)                                                                                              \
  X("Cumsum", scanSumFloat, double, float, false) X("Cumsum/int32", scanSumInt, uint32_t, int32_t, false)     \
  X("Cumprod", scanProductFloat, double, float, true) X("Cumprod/int32", scanProductInt, uint32_t, int32_t, true)

#define SCAN_KERNEL(name, kernel, A, T, times)                                            \
  KERNEL kernel(const T* x, T* y, int64_t outer, int64_t n, int exclusive, int reverse) { \
    scanRows<A, T, times>(x, y, outer, n, exclusive, reverse);                            \
  }
SCANS(SCAN_KERNEL)

#if BREVITY_HOST
namespace brevity {
namespace cuda {

void scanOps(OpTable& table) {
  // x, y; outer, n, exclusive, reverse
#define SCAN_OP(name, kernel, A, T, times)                                                                          \
  table.push_back({name, [](const Launch& l) {                                                                      \
                     const int64_t outer = l.count(0), n = l.count(1);                                              \
                     LAUNCH(kernel, overElements(outer), l.as<T>(0, outer * n), l.as<T>(1, outer * n), outer, n,    \
                            l.number(2) != 0, l.number(3) != 0);                                                    \
                   }});
  SCANS(SCAN_OP)
}

}  // namespace cuda
}  // namespace brevity
#endif
