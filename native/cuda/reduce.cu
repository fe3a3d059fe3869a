// Sums, extremes and their places along an axis (../src/elements/reduce.cc): x [outer, n, inner] → y [outer, inner].
//
// An axis is folded in pieces of a fixed length, and the pieces are folded in order: enough threads for a long axis, and
// the same result on every device.
#include "block.h"

// A fold: an accumulator A, where it starts, how an element joins, how two of them do.
struct SumFloat {
  using T = float;
  using A = double;
  static __device__ A start() { return 0; }
  static __device__ A step(A a, T x, int64_t) { return a + x; }
  __device__ A operator()(A a, A b) const { return a + b; }
  static __device__ float result(A a, int64_t) { return static_cast<float>(a); }
};
struct MeanFloat {
  using T = float;
  using A = double;
  static __device__ A start() { return 0; }
  static __device__ A step(A a, T x, int64_t) { return a + x; }
  __device__ A operator()(A a, A b) const { return a + b; }
  static __device__ float result(A a, int64_t n) { return static_cast<float>(a / static_cast<double>(n)); }
};
struct SumInt {
  using T = int32_t;
  using A = uint32_t;
  static __device__ A start() { return 0; }
  static __device__ A step(A a, T x, int64_t) { return a + static_cast<uint32_t>(x); }
  __device__ A operator()(A a, A b) const { return a + b; }
  static __device__ int32_t result(A a, int64_t) { return static_cast<int32_t>(a); }
};
struct ProdFloat {
  using T = float;
  using A = double;
  static __device__ A start() { return 1; }
  static __device__ A step(A a, T x, int64_t) { return a * x; }
  __device__ A operator()(A a, A b) const { return a * b; }
  static __device__ float result(A a, int64_t) { return static_cast<float>(a); }
};
struct ProdInt {
  using T = int32_t;
  using A = uint32_t;
  static __device__ A start() { return 1; }
  static __device__ A step(A a, T x, int64_t) { return a * static_cast<uint32_t>(x); }
  __device__ A operator()(A a, A b) const { return a * b; }
  static __device__ int32_t result(A a, int64_t) { return static_cast<int32_t>(a); }
};
// NaN wins.
struct MaxFloat {
  using T = float;
  using A = float;
  static __device__ A start() { return -INFINITE; }
  static __device__ A step(A a, T x, int64_t) { return larger(a, x); }
  __device__ A operator()(A a, A b) const { return larger(a, b); }
  static __device__ float result(A a, int64_t) { return a; }
};
struct MinFloat {
  using T = float;
  using A = float;
  static __device__ A start() { return INFINITE; }
  static __device__ A step(A a, T x, int64_t) { return smaller(a, x); }
  __device__ A operator()(A a, A b) const { return smaller(a, b); }
  static __device__ float result(A a, int64_t) { return a; }
};
struct MaxInt {
  using T = int32_t;
  using A = int32_t;
  static __device__ A start() { return -2147483647 - 1; }
  static __device__ A step(A a, T x, int64_t) { return x > a ? x : a; }
  __device__ A operator()(A a, A b) const { return b > a ? b : a; }
  static __device__ int32_t result(A a, int64_t) { return a; }
};
struct MinInt {
  using T = int32_t;
  using A = int32_t;
  static __device__ A start() { return 2147483647; }
  static __device__ A step(A a, T x, int64_t) { return x < a ? x : a; }
  __device__ A operator()(A a, A b) const { return b < a ? b : a; }
  static __device__ int32_t result(A a, int64_t) { return a; }
};
struct AllBytes {
  using T = uint8_t;
  using A = int32_t;
  static __device__ A start() { return 1; }
  static __device__ A step(A a, T x, int64_t) { return a & x; }
  __device__ A operator()(A a, A b) const { return a & b; }
  static __device__ uint8_t result(A a, int64_t) { return static_cast<uint8_t>(a); }
};
struct AnyBytes {
  using T = uint8_t;
  using A = int32_t;
  static __device__ A start() { return 0; }
  static __device__ A step(A a, T x, int64_t) { return a | x; }
  __device__ A operator()(A a, A b) const { return a | b; }
  static __device__ uint8_t result(A a, int64_t) { return static_cast<uint8_t>(a); }
};
struct ArgMaxFloat : BestPlace<1> {
  using T = float;
  using A = Place;
  static __device__ A start() { return Place{0, -1}; }
  static __device__ A step(A a, T x, int64_t i) { return join(a, Place{x, static_cast<int32_t>(i)}); }
  static __device__ int32_t result(A a, int64_t) { return a.at < 0 ? 0 : a.at; }
};
struct ArgMinFloat : BestPlace<-1> {
  using T = float;
  using A = Place;
  static __device__ A start() { return Place{0, -1}; }
  static __device__ A step(A a, T x, int64_t i) { return join(a, Place{x, static_cast<int32_t>(i)}); }
  static __device__ int32_t result(A a, int64_t) { return a.at < 0 ? 0 : a.at; }
};

// One block for each (row, piece): inner is 1.
template <typename F, typename R>
DEVICE void foldRow(const typename F::T* x, typename F::A* partial, R* y, int64_t n, int64_t piece, int64_t pieces) {
  const int64_t row = blockIdx.x / pieces, p = blockIdx.x % pieces;
  const int64_t end = (p + 1) * piece < n ? (p + 1) * piece : n;
  typename F::A a = F::start();
  for (int64_t i = p * piece + threadIdx.x; i < end; i += kThreads) a = F::step(a, x[row * n + i], i);
  a = blockFold(a, F::start(), F());
  if (threadIdx.x != 0) return;
  if (pieces == 1)
    y[row] = F::result(a, n);
  else
    partial[blockIdx.x] = a;
}

// One thread for each (outer, piece, inner).
template <typename F, typename R>
DEVICE void foldColumn(const typename F::T* x, typename F::A* partial, R* y, int64_t outer, int64_t n, int64_t inner,
                       int64_t piece, int64_t pieces) {
  for (EACH(at, outer * pieces * inner)) {
    const int64_t j = at % inner, p = at / inner % pieces, o = at / inner / pieces;
    const int64_t end = (p + 1) * piece < n ? (p + 1) * piece : n;
    typename F::A a = F::start();
    for (int64_t i = p * piece; i < end; i++) a = F::step(a, x[(o * n + i) * inner + j], i);
    if (pieces == 1)
      y[at] = F::result(a, n);
    else
      partial[at] = a;
  }
}

template <typename F, typename R>
DEVICE void foldPieces(const typename F::A* partial, R* y, int64_t outer, int64_t n, int64_t pieces, int64_t inner) {
  for (EACH(at, outer * inner)) {
    const int64_t o = at / inner, j = at % inner;
    typename F::A a = F::start();
    for (int64_t p = 0; p < pieces; p++) a = F()(a, partial[(o * pieces + p) * inner + j]);
    y[at] = F::result(a, n);
  }
}

// name of the entry, fold, type of the result
#define FOLDS(X)                                                                                              \
  X("Mean", MeanFloat, float) X("Sum", SumFloat, float) X("Sum/int32", SumInt, int32_t) X("Prod", ProdFloat, float)                       \
  X("Prod/int32", ProdInt, int32_t) X("Max", MaxFloat, float) X("Max/int32", MaxInt, int32_t)                 \
  X("Min", MinFloat, float) X("Min/int32", MinInt, int32_t) X("All", AllBytes, uint8_t)                       \
  X("Any", AnyBytes, uint8_t) X("ArgMax", ArgMaxFloat, int32_t) X("ArgMin", ArgMinFloat, int32_t)

#define FOLD_KERNELS(name, F, R)                                                                               \
  KERNEL row##F(const F::T* x, F::A* partial, R* y, int64_t n, int64_t piece, int64_t pieces) {                \
    foldRow<F>(x, partial, y, n, piece, pieces);                                                               \
  }                                                                                                            \
  KERNEL column##F(const F::T* x, F::A* partial, R* y, int64_t outer, int64_t n, int64_t inner, int64_t piece, \
                   int64_t pieces) {                                                                           \
    foldColumn<F>(x, partial, y, outer, n, inner, piece, pieces);                                              \
  }                                                                                                            \
  KERNEL pieces##F(const F::A* partial, R* y, int64_t outer, int64_t n, int64_t pieces, int64_t inner) {       \
    foldPieces<F>(partial, y, outer, n, pieces, inner);                                                        \
  }
FOLDS(FOLD_KERNELS)

#if BREVITY_HOST
#include <algorithm>

namespace brevity {
namespace cuda {
namespace {

// Rows of up to this many elements are folded by a thread each.
constexpr int64_t kShortRow = 64;
constexpr int64_t kRowPiece = 65536;
constexpr int64_t kColumnPiece = 256;

}  // namespace

void reduceOps(OpTable& table) {
  // x, y; outer, n, inner
#define FOLD_OP(name, F, R)                                                                                       \
  table.push_back({name, [](const Launch& l) {                                                                    \
                     const int64_t outer = l.count(0), n = l.count(1), inner = l.count(2);                        \
                     const F::T* x = l.as<F::T>(0, outer * n * inner);                                            \
                     R* y = l.as<R>(1, outer * inner);                                                            \
                     if (outer * inner == 0) return;                                                              \
                     const bool rows = inner == 1 && n > kShortRow;                                               \
                     const int64_t piece = rows ? kRowPiece : kColumnPiece;                                       \
                     const int64_t pieces = std::max<int64_t>(1, ceilDiv(n, piece)), parts = outer * pieces;      \
                     Scratch<F::A> partial(pieces == 1 ? 0 : parts * inner);                                      \
                     if (rows) {                                                                                  \
                       LAUNCH(row##F, Geometry(gridSize(parts), kThreads), x, partial, y, n, piece, pieces);      \
                     } else {                                                                                     \
                       LAUNCH(column##F, overElements(parts * inner), x, partial, y, outer, n, inner, piece,      \
                              pieces);                                                                            \
                     }                                                                                            \
                     if (pieces > 1) LAUNCH(pieces##F, overElements(outer * inner), partial, y, outer, n, pieces, inner); \
                   }});
  FOLDS(FOLD_OP)
}

}  // namespace cuda
}  // namespace brevity
#endif
