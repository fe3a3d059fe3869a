// Copies between strided views (../src/elements/shape.cc): they move elements and compute nothing.
#include "axes.h"

// What 16 bytes hold.
using FourWords = Pack<uint32_t, 4>;

#define COPY_KERNEL(name, T)                                      \
  KERNEL name(const T* from, T* to, Axes axes, int64_t n) {       \
    for (EACH(i, n)) {                                            \
      const Offsets at = offsetsOf(axes, i);                      \
      to[at.b] = from[at.a];                                      \
    }                                                             \
  }
COPY_KERNEL(stridedCopy1, uint8_t)
COPY_KERNEL(stridedCopy4, uint32_t)
COPY_KERNEL(stridedCopy8, uint64_t)
COPY_KERNEL(stridedCopy16, FourWords)

// A transposition of rows × cols words, batch times: to[b, j, i] = from[b, i, j]; both sides in whole lines of a cache.
constexpr int kTransposeTile = 32;
KERNEL transpose4(const uint32_t* from, uint32_t* to, int64_t rows, int64_t cols, int64_t tilesAcross) {
  __shared__ uint32_t tile[kTransposeTile][kTransposeTile + 1];
  from += static_cast<int64_t>(blockIdx.y) * rows * cols;
  to += static_cast<int64_t>(blockIdx.y) * rows * cols;
  const int64_t i0 = blockIdx.x / tilesAcross * kTransposeTile, j0 = blockIdx.x % tilesAcross * kTransposeTile;
  for (int y = threadIdx.y; y < kTransposeTile; y += blockDim.y)
    if (i0 + y < rows && j0 + threadIdx.x < cols) tile[y][threadIdx.x] = from[(i0 + y) * cols + j0 + threadIdx.x];
  __syncthreads();
  for (int y = threadIdx.y; y < kTransposeTile; y += blockDim.y)
    if (j0 + y < cols && i0 + threadIdx.x < rows) to[(j0 + y) * rows + i0 + threadIdx.x] = tile[threadIdx.x][y];
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {
namespace {

// [batch…, cols, rows] of the target, read across: the copy of a transposition, or not.
bool transposition(const Strides& s, int64_t* batch, int64_t* rows, int64_t* cols) {
  const int last = s.rank - 1;
  if (s.rank < 2 || s.rank > 3 || s.b[last] != 1 || s.a[last - 1] != 1) return false;
  *cols = s.dims[last - 1];
  *rows = s.dims[last];
  *batch = s.rank == 3 ? s.dims[0] : 1;
  if (s.a[last] != *cols || s.b[last - 1] != *rows || *batch > 65535) return false;
  return s.rank == 2 || (s.a[0] == *rows * *cols && s.b[0] == *rows * *cols);
}

// Whether words lie four by four on both sides; then the walk becomes one over packs of them.
bool asPacks(const void* source, const void* target, Strides* s) {
  const int last = s->rank - 1;
  if (last < 0 || s->a[last] != 1 || s->b[last] != 1 || s->dims[last] % 4 != 0) return false;
  for (int i = 0; i < last; i++)
    if (s->a[i] % 4 != 0 || s->b[i] % 4 != 0) return false;
  if (!areAligned(source, target)) return false;
  for (int i = 0; i < last; i++) {
    s->a[i] /= 4;
    s->b[i] /= 4;
  }
  s->dims[last] /= 4;
  return true;
}

// from, to; width, offset in from, offset in to, strides
void copyOp(const Launch& l) {
  const int width = static_cast<int>(l.integer(0));
  if (width != 1 && width != 4 && width != 8) l.fail("takes elements of 1, 4 or 8 bytes");
  const int64_t from = l.count(1), to = l.count(2);
  Strides s = stridesAt(l, 3);
  expectWithin(l, 0, width, from, s, s.a);
  expectWithin(l, 1, width, to, s, s.b);
  if (sizeOf(s) == 0) return;
  const char* source = l.as<char>(0, 0) + from * width;
  char* target = l.as<char>(1, 0) + to * width;
  int64_t batch, rows, cols;
#define COPY(kernel, T)                                                                                            \
  LAUNCH(kernel, overElements(sizeOf(s)), reinterpret_cast<const T*>(source), reinterpret_cast<T*>(target), axesOf(s), \
         sizeOf(s))
  if (width == 4 && transposition(s, &batch, &rows, &cols)) {
    const int64_t across = ceilDiv(cols, kTransposeTile), down = ceilDiv(rows, kTransposeTile);
    LAUNCH(transpose4, Geometry(dim3(gridSize(across * down), gridSize(batch)), dim3(kTransposeTile, 8)),
           reinterpret_cast<const uint32_t*>(source), reinterpret_cast<uint32_t*>(target), rows, cols, across);
  } else if (width == 1) {
    COPY(stridedCopy1, uint8_t);
  } else if (width == 8) {
    COPY(stridedCopy8, uint64_t);
  } else if (asPacks(source, target, &s)) {
    COPY(stridedCopy16, FourWords);
  } else {
    COPY(stridedCopy4, uint32_t);
  }
#undef COPY
}

}  // namespace

void shapeOps(OpTable& table) { table.push_back({"Copy", copyOp}); }

}  // namespace cuda
}  // namespace brevity
#endif
