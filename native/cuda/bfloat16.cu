// Between float32 and bfloat16: whole tensors, and the operands of a library's products.
#include "cuda.h"

// y [batch, rows, cols], its rows ldY apart, of x whose rows are ld apart and matrices stride; n elements at a time.
template <int n, typename From, typename To, typename F>
DEVICE void convertRows(const From* x, To* y, int64_t batch, int64_t rows, int64_t cols, int64_t ld, int64_t stride,
                        int64_t ldY, F f) {
  const int64_t across = cols / n;
  for (EACH(i, batch * rows * across)) {
    const Division row = divide(i, across), matrix = divide(row.whole, rows);
    const int64_t c = row.rest * n;
    mapPack<n>(y + row.whole * ldY + c, f, packAt<n>(x + matrix.whole * stride + matrix.rest * ld + c));
  }
}

#define CONVERT_KERNEL(name, n, From, To, f)                                                                       \
  KERNEL name(const From* x, To* y, int64_t batch, int64_t rows, int64_t cols, int64_t ld, int64_t stride,         \
              int64_t ldY) {                                                                                       \
    convertRows<n>(x, y, batch, rows, cols, ld, stride, ldY, [](From element) { return static_cast<To>(f(element)); }); \
  }
CONVERT_KERNEL(roundToBf16, 1, float, uint16_t, bf16Bits)
CONVERT_KERNEL(roundToBf16Packs, 8, float, uint16_t, bf16Bits)
CONVERT_KERNEL(widenBf16, 1, uint16_t, float, valueOf)
CONVERT_KERNEL(widenBf16Packs, 8, uint16_t, float, valueOf)
CONVERT_KERNEL(alignBf16, 1, uint16_t, uint16_t, )

#if BREVITY_HOST
namespace brevity {
namespace cuda {
namespace {

// Whether rows of eight elements begin at whole accesses, on both sides.
bool inPacks(const MatrixRows& r, const void* x, const void* y) {
  return areAligned(x, y) && r.cols % 8 == 0 && r.ld % 8 == 0 && r.stride % 8 == 0 && r.ldY % 8 == 0;
}

MatrixRows oneRow(int64_t n) { return {1, 1, n, n, 0, n}; }

}  // namespace

#define LAUNCH_ROWS(kernel, n, x, y, r)                                                                            \
  LAUNCH(kernel, overElements((r).batch * (r).rows * (r).cols, n), x, y, (r).batch, (r).rows, (r).cols, (r).ld,    \
         (r).stride, (r).ldY)

void roundRows(const float* x, uint16_t* y, const MatrixRows& r) {
  if (inPacks(r, x, y)) LAUNCH_ROWS(roundToBf16Packs, 8, x, y, r);
  else LAUNCH_ROWS(roundToBf16, 1, x, y, r);
}
void widenRows(const uint16_t* x, float* y, const MatrixRows& r) {
  if (inPacks(r, x, y)) LAUNCH_ROWS(widenBf16Packs, 8, x, y, r);
  else LAUNCH_ROWS(widenBf16, 1, x, y, r);
}
void copyRows(const uint16_t* x, uint16_t* y, const MatrixRows& r) { LAUNCH_ROWS(alignBf16, 1, x, y, r); }

void bfloat16Ops(OpTable& table) {
  // x, y in bfloat16; n
  table.push_back({"Narrow", [](const Launch& l) {
                     const int64_t n = l.count(0);
                     roundRows(l.floats(0, n), l.halves(1, n), oneRow(n));
                   }});
  // x in bfloat16, y; n
  table.push_back({"Widen", [](const Launch& l) {
                     const int64_t n = l.count(0);
                     widenRows(l.halves(0, n), l.floats(1, n), oneRow(n));
                   }});
}

}  // namespace cuda
}  // namespace brevity
#endif
