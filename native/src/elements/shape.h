// Kernels that move elements without arithmetic: every slice, transposition, repetition, reversal, concatenation and
// padding is a copy between two strided views. Also rows by index.
#pragma once
#include <cstdint>

namespace brevity {

// Most axes of a strided view, after TypeScript has merged axes that are contiguous in memory.
constexpr int kMaxRank = 12;

// A strided view, in elements rather than bytes. A stride may be 0 (repeated) or negative (reversed).
struct Strides {
  int rank;
  int64_t dims[kMaxRank];
  int64_t a[kMaxRank];
  int64_t b[kMaxRank];
};

// to[Σ i·b] = from[Σ i·a] for every index i below dims; elements of 1, 4 or 8 bytes. The views may not overlap.
void stridedCopy(const void* from, void* to, int width, const Strides& strides);

// y [batch, outer, count, inner] = x [batch, outer, size, inner] at indices [batch, count]; elements of `width` bytes.
// Throws std::runtime_error if an index is not below size.
struct Gather {
  int width;
  int64_t batch, outer, size, count, inner;
};
void gather(const void* x, const int32_t* indices, void* y, const Gather& shape);
// The same with x in bfloat16 and y in float32; width is y's.
void gatherHalves(const uint16_t* x, const int32_t* indices, float* y, const Gather& shape);

// y [rows, inner] = x [dims…, inner] at indices [rows, depth]; throws as gather does.
void gatherNd(const void* x, const int32_t* indices, void* y, int width, int64_t rows, int depth, const int64_t* dims,
              int64_t inner);

// y [segments, inner] += x [rows, inner] at ids [rows], after zeroing y; ids below 0 are ignored. Rows are added in
// order. Throws std::runtime_error if an id is not below segments.
template <typename T>
void segmentSum(const T* x, const int32_t* ids, T* y, int64_t rows, int64_t segments, int64_t inner);

// y [size, inner] += x [rows, inner] at flat positions Σ indices·strides, indices [rows, depth], after zeroing y.
template <typename T>
void scatterNd(const int32_t* indices, const T* x, T* y, int64_t rows, int depth, const int64_t* dims, int64_t size,
               int64_t inner);

}  // namespace brevity
