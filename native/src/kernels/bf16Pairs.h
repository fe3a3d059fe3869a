// Operands of bfloat16 products as pairs: two consecutive values of k in 32 bits, the even k in the lower half; an odd K
// is completed with a zero. Values are rounded to nearest, ties to even, and subnormal ones become zero, as in AVX512-BF16
// and AMX. Used by the tiles of those two, and by the plain loop (bf16Tile.h).
#pragma once
#include "../bf16.h"
#include "gemmTile.h"

#if defined(BREVITY_AVX512) && defined(BREVITY_BUILDS_AVX512_BF16)
#define BREVITY_PAIR_VECTORS 1
#define BREVITY_BF16 __attribute__((target("avx512bf16")))
#else
#define BREVITY_BF16
#endif

namespace brevity {
namespace BREVITY_NS {

// Columns of a packed panel of the right operand, for every set of instructions.
constexpr int64_t kPairColumns = 64;
// Depths of blocks are multiples of this, and the rows of a packed left block are rounded up to kLeftRows, because AMX
// multiplies 16 rows by 32 values of k.
constexpr int64_t kDepthStep = 32;
constexpr int64_t kLeftRows = 16;

#if defined(BREVITY_PAIR_VECTORS)
// Whether this processor has the instruction that rounds.
BREVITY_INLINE bool roundsVectors() { return bf16Runs(Bf16::avx512); }
#endif

constexpr int64_t pairsOf(int64_t k) { return (k + 1) / 2; }

// One value rounded to nearest, ties to even; subnormal values become zero.
BREVITY_INLINE uint32_t roundedBits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return (bits >> 16) | 0x40;
  if (magnitude < 0x00800000) return (bits >> 16) & 0x8000;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
BREVITY_INLINE uint32_t roundedBits(uint16_t x) { return x; }
template <class T>
BREVITY_INLINE uint32_t roundedPair(T even, T odd) {
  return roundedBits(even) | roundedBits(odd) << 16;
}
BREVITY_INLINE float evenOf(uint32_t pair) { return valueOf(static_cast<uint16_t>(pair & 0xffff)); }
BREVITY_INLINE float oddOf(uint32_t pair) { return valueOf(static_cast<uint16_t>(pair >> 16)); }

#if defined(BREVITY_PAIR_VECTORS)

// 16 pairs from 32 consecutive values.
BREVITY_BF16 static inline __m512i pairsAt(const float* x) {
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + 16), _mm512_loadu_ps(x)));
}
static inline __m512i pairsAt(const uint16_t* x) { return _mm512_loadu_si512(x); }

// 16 pairs from 16 values of an even and of the next k.
BREVITY_BF16 static inline __m512i pairsOf(const float* even, const float* odd) {
  const __m512i halves = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(_mm512_loadu_ps(odd), _mm512_loadu_ps(even)));
  const __m512i low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(halves));
  const __m512i high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(halves, 1));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}
static inline __m512i pairsOf(const uint16_t* even, const uint16_t* odd) {
  const __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(even)));
  const __m512i high = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(odd)));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

#endif

// y [pairsOf(K), yStride] pairs = the columns [0, n) of x [K, xStride]; zeros up to `width` columns.
template <class T>
BREVITY_BF16 static void packPairColumns(const T* x, int64_t xStride, int64_t K, int64_t n, uint32_t* y,
                                         int64_t yStride, int64_t width) {
#if defined(BREVITY_PAIR_VECTORS)
  const bool vectors = roundsVectors();
#endif
  for (int64_t k = 0; k < K; k += 2, x += 2 * xStride, y += yStride) {
    const bool whole = k + 1 < K;
    int64_t j = 0;
#if defined(BREVITY_PAIR_VECTORS)
    if (whole && vectors)
      for (; j + 16 <= n; j += 16) _mm512_storeu_si512(y + j, pairsOf(x + j, x + xStride + j));
#endif
    for (; j < n; j++) y[j] = roundedPair(x[j], whole ? x[xStride + j] : T());
    for (; j < width; j++) y[j] = 0;
  }
}

// The same for x stored as [n, K], rows xStride apart.
template <class T>
BREVITY_BF16 static void packPairRows(const T* x, int64_t xStride, int64_t K, int64_t n, uint32_t* y, int64_t yStride,
                                      int64_t width) {
  int64_t j = 0;
#if defined(BREVITY_PAIR_VECTORS)
  if (roundsVectors()) {
    for (; j + 16 <= n; j += 16) {
      int64_t k = 0;
      for (; k + 32 <= K; k += 32) {
        alignas(64) float square[16 * 16];
        for (int i = 0; i < 16; i++) _mm512_store_si512(square + 16 * i, pairsAt(x + (j + i) * xStride + k));
        transposeSquare(square, 16, reinterpret_cast<float*>(y) + k / 2 * yStride + j, yStride);
      }
      for (; k < K; k += 2)
        for (int i = 0; i < 16; i++) {
          const T* at = x + (j + i) * xStride + k;
          y[k / 2 * yStride + j + i] = roundedPair(at[0], k + 1 < K ? at[1] : T());
        }
    }
  }
#endif
  for (; j < width; j++)
    for (int64_t k = 0; k < K; k += 2) {
      const T* at = x + j * xStride + k;
      y[k / 2 * yStride + j] = j < n ? roundedPair(at[0], k + 1 < K ? at[1] : T()) : 0;
    }
}

// y [n, pairsOf(K)] pairs, rows yStride apart, from x [n, K], rows xStride apart.
template <class T>
BREVITY_BF16 static void packPairs(const T* x, int64_t xStride, int64_t n, int64_t K, uint32_t* y, int64_t yStride) {
#if defined(BREVITY_PAIR_VECTORS)
  const bool vectors = roundsVectors();
#endif
  for (int64_t i = 0; i < n; i++, x += xStride, y += yStride) {
    int64_t k = 0;
#if defined(BREVITY_PAIR_VECTORS)
    if (vectors)
      for (; k + 32 <= K; k += 32) _mm512_storeu_si512(y + k / 2, pairsAt(x + k));
#endif
    for (; k < K; k += 2) y[k / 2] = roundedPair(x[k], k + 1 < K ? x[k + 1] : T());
  }
}

// y [n, pairsOf(K)] pairs, rows yStride apart, from x stored as [K, n], rows xStride apart.
template <class T>
BREVITY_BF16 static void packPairsAcross(const T* x, int64_t xStride, int64_t n, int64_t K, uint32_t* y,
                                         int64_t yStride) {
  int64_t i = 0;
#if defined(BREVITY_PAIR_VECTORS)
  if (roundsVectors()) {
    for (; i + 16 <= n; i += 16) {
      int64_t k = 0;
      for (; k + 32 <= K; k += 32) {
        alignas(64) float square[16 * 16];
        for (int p = 0; p < 16; p++) {
          const T* at = x + (k + 2 * p) * xStride + i;
          _mm512_store_si512(square + 16 * p, pairsOf(at, at + xStride));
        }
        transposeSquare(square, 16, reinterpret_cast<float*>(y) + i * yStride + k / 2, yStride);
      }
      for (; k < K; k += 2)
        for (int64_t r = i; r < i + 16; r++)
          y[r * yStride + k / 2] = roundedPair(x[k * xStride + r], k + 1 < K ? x[(k + 1) * xStride + r] : T());
    }
  }
#endif
  for (; i < n; i++)
    for (int64_t k = 0; k < K; k += 2)
      y[i * yStride + k / 2] = roundedPair(x[k * xStride + i], k + 1 < K ? x[(k + 1) * xStride + i] : T());
}

// y [rows, columns] = x. The tiles of AMX and BFMMLA work on a copy of a block that is smaller than they are.
BREVITY_INLINE void copyBlock(const float* x, int64_t xStride, int64_t rows, int64_t columns, float* y, int64_t yStride) {
  for (int64_t i = 0; i < rows; i++)
    std::memcpy(y + i * yStride, x + i * xStride, sizeof(float) * static_cast<size_t>(columns));
}

}  // namespace BREVITY_NS
}  // namespace brevity
