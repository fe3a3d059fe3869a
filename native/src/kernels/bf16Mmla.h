// The register tile of bfloat16 products on ARM's BFMMLA, and the packing of both of its operands. One instruction adds
// to 2 × 2 sums the products of four values of k: those of the first two are added up, then added to the sum, then those
// of the other two. Additions are rounded to odd, not to nearest, and subnormal operands and results are zero (unless the
// process has set FPCR.EBF, which nothing here does).
//
// Both operands are packed in quads: four values of k of one row (of the left operand) or column (of the right one), and
// the same four of the next one, 16 bytes together.
#pragma once
#include "bf16Pairs.h"

// test/shim/bfmmla.h defines BREVITY_BFMMLA too, as nothing, with the intrinsics in plain C++.
#if !defined(BREVITY_BFMMLA) && defined(BREVITY_NEON) && defined(BREVITY_BUILDS_BFMMLA)
#define BREVITY_BFMMLA __attribute__((target("arch=armv8.2-a+bf16")))
#endif

#if defined(BREVITY_BFMMLA)

namespace brevity {
namespace BREVITY_NS {

constexpr int64_t kQuadSide = 8;  // rows and columns of the tile

constexpr int64_t quadsOf(int64_t k) { return (k + 3) / 4; }

// Four values in bfloat16, the first n of them from x; the rest are zero.
BREVITY_BFMMLA static inline uint16x4_t fourAt(const float* x) { return vreinterpret_u16_bf16(vcvt_bf16_f32(vld1q_f32(x))); }
BREVITY_BFMMLA static inline uint16x4_t fourAt(const uint16_t* x) { return vld1_u16(x); }
template <class T>
BREVITY_BFMMLA static inline uint16x4_t fourAt(const T* x, int64_t n) {
  if (n >= 4) return fourAt(x);
  T part[4] = {};
  for (int64_t i = 0; i < n; i++) part[i] = x[i];
  return fourAt(part);
}

// Where the quads of a packed operand are: those of rows (columns) i and i + 1 for k to k + 3 at
// i/2·across + k/4·down, in words of 32 bits.
struct Quads {
  uint32_t* data;
  int64_t across, down;
  uint16_t* at(int64_t i, int64_t k) const { return reinterpret_cast<uint16_t*>(data + i / 2 * across + k / 4 * down); }
};

// Packs x [n, K], rows xStride apart, completed with zeros to `width` rows, an even number, and to whole quads.
template <class T>
BREVITY_BFMMLA static void packQuads(const T* x, int64_t xStride, int64_t n, int64_t K, Quads y, int64_t width) {
  for (int64_t i = 0; i < width; i += 2) {
    const T* row = x + i * xStride;
    for (int64_t k = 0; k < K; k += 4) {
      const uint16x4_t first = i < n ? fourAt(row + k, K - k) : vdup_n_u16(0);
      const uint16x4_t second = i + 1 < n ? fourAt(row + xStride + k, K - k) : vdup_n_u16(0);
      vst1q_u16(y.at(i, k), vcombine_u16(first, second));
    }
  }
}

// The same for x stored as [K, n], and a width that is a multiple of four.
template <class T>
BREVITY_BFMMLA static void packQuadsAcross(const T* x, int64_t xStride, int64_t n, int64_t K, Quads y, int64_t width) {
  for (int64_t k = 0; k < K; k += 4, x += 4 * xStride)
    for (int64_t i = 0; i < width; i += 4) {
      uint16x4_t four[4];
      for (int64_t r = 0; r < 4; r++)
        four[r] = k + r < K && i < n ? fourAt(x + r * xStride + i, n - i) : vdup_n_u16(0);
      // Four pairs of the first two values of k, and of the other two.
      const uint32x4_t first = vorrq_u32(vmovl_u16(four[0]), vshlq_n_u32(vmovl_u16(four[1]), 16));
      const uint32x4_t second = vorrq_u32(vmovl_u16(four[2]), vshlq_n_u32(vmovl_u16(four[3]), 16));
      vst1q_u16(y.at(i, k), vreinterpretq_u16_u32(vzip1q_u32(first, second)));
      vst1q_u16(y.at(i + 2, k), vreinterpretq_u16_u32(vzip2q_u32(first, second)));
    }
}

// c [2·rowPairs, 8] (+)= a·b over `quads`; the quads of a's row pairs are aStride words apart, b is a packed panel.
template <int rowPairs>
BREVITY_BFMMLA static void mmlaTile(int64_t quads, const uint32_t* a, int64_t aStride, const uint32_t* b, float* c,
                                    int64_t cStride, bool add) {
  constexpr int columnPairs = kQuadSide / 2;
  float32x4_t sum[rowPairs][columnPairs];
#pragma GCC unroll 4
  for (int i = 0; i < rowPairs; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < columnPairs; j++) {
      const float* at = c + 2 * i * cStride + 2 * j;
      sum[i][j] = add ? vcombine_f32(vld1_f32(at), vld1_f32(at + cStride)) : vdupq_n_f32(0);
    }
  }
  for (int64_t q = 0; q < quads; q++, a += 4, b += 2 * kPairColumns) {
    bfloat16x8_t y[columnPairs];
#pragma GCC unroll 4
    for (int j = 0; j < columnPairs; j++) y[j] = vreinterpretq_bf16_u32(vld1q_u32(b + 4 * j));
#pragma GCC unroll 4
    for (int i = 0; i < rowPairs; i++) {
      const bfloat16x8_t x = vreinterpretq_bf16_u32(vld1q_u32(a + i * aStride));
#pragma GCC unroll 4
      for (int j = 0; j < columnPairs; j++) sum[i][j] = vbfmmlaq_f32(sum[i][j], x, y[j]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < rowPairs; i++) {
#pragma GCC unroll 4
    for (int j = 0; j < columnPairs; j++) {
      float* at = c + 2 * i * cStride + 2 * j;
      vst1_f32(at, vget_low_f32(sum[i][j]));
      vst1_f32(at + cStride, vget_high_f32(sum[i][j]));
    }
  }
}

// One panel: c [M, n] (+)= a·b over `quads`; the quads of a's row pairs are aStride words apart.
static void mmlaProduct(int64_t M, int64_t n, int64_t quads, const uint32_t* a, int64_t aStride, const uint32_t* b,
                        float* c, int64_t cStride, bool add) {
  constexpr decltype(&mmlaTile<1>) tiles[] = {mmlaTile<1>, mmlaTile<2>, mmlaTile<3>, mmlaTile<4>};
  for (int64_t i = 0; i < M; i += kQuadSide) {
    const int64_t rows = least(kQuadSide, M - i);
    const auto tile = tiles[(rows - 1) / 2];
    const uint32_t* left = a + i / 2 * aStride;
    for (int64_t j = 0; j < n; j += kQuadSide) {
      const int64_t columns = least(kQuadSide, n - j);
      float* const block = c + i * cStride + j;
      if (rows % 2 == 0 && columns == kQuadSide) {
        tile(quads, left, aStride, b + 2 * j, block, cStride, add);
        continue;
      }
      float copy[kQuadSide * kQuadSide] = {};
      if (add) copyBlock(block, cStride, rows, columns, copy, kQuadSide);
      tile(quads, left, aStride, b + 2 * j, copy, kQuadSide, add);
      copyBlock(copy, kQuadSide, rows, columns, block, cStride);
    }
  }
}

}  // namespace BREVITY_NS
}  // namespace brevity

#endif
