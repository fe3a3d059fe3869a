// The register tile of products whose operands are rounded to bfloat16, and the packing of both operands. Used by
// gemmBf16 and tokenLogProbs.
//
// Two consecutive values of k make a pair of bfloat16 in 32 bits, the even k in the lower half; an odd K is completed
// with a zero. Each step of k adds two products to a float32 sum, the odd k's first, each sum rounded to nearest: what
// AVX512-BF16's VDPBF16PS does. A product of two bfloat16 is exact in float32. As in that instruction, subnormal
// operands count as zero. Without the instruction a plain loop gives the same bits (but for subnormal sums), at a
// fraction of the speed: it exists for tests, and a device does not offer bfloat16 products there.
#pragma once
#include "../isa.h"
#include "gemmTile.h"

#if defined(BREVITY_AVX512) && (defined(__GNUC__) || defined(__clang__))
#define BREVITY_BF16 __attribute__((target("avx512bf16")))
#else
#define BREVITY_BF16
#endif

namespace brevity {
namespace BREVITY_NS {

// Whether this processor has the instruction.
BREVITY_INLINE bool hasBf16Products() {
#if defined(BREVITY_AVX512)
  return hasBf16();
#else
  return false;
#endif
}

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

#if defined(BREVITY_AVX512)

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
  for (int64_t k = 0; k < K; k += 2, x += 2 * xStride, y += yStride) {
    const bool whole = k + 1 < K;
    int64_t j = 0;
#if defined(BREVITY_AVX512)
    if (whole && hasBf16Products())
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
#if defined(BREVITY_AVX512)
  if (hasBf16Products()) {
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
  for (int64_t i = 0; i < n; i++, x += xStride, y += yStride) {
    int64_t k = 0;
#if defined(BREVITY_AVX512)
    if (hasBf16Products())
      for (; k + 32 <= K; k += 32) _mm512_storeu_si512(y + k / 2, pairsAt(x + k));
#endif
    for (; k < K; k += 2) y[k / 2] = roundedPair(x[k], k + 1 < K ? x[k + 1] : T());
  }
}

// The packed left operand of a block: element (row, pair) is at row·stride + pair, or at pair·stride + row if `across`.
struct LeftPairs {
  const uint32_t* data;
  int64_t stride;
  bool across;
  const uint32_t* at(int64_t row) const { return across ? data + row : data + row * stride; }
};

#if defined(BREVITY_AVX512)
// c [rows, (vectors - 1)·W + lanes] (+)= a·b over `pairs`; b is a packed panel of row stride kColumns.
template <int rows, int vectors, bool across>
BREVITY_BF16 static void bf16Tile(int64_t pairs, const uint32_t* a, int64_t aStride, const uint32_t* b, float* c,
                                  int64_t cStride, int64_t lanes, bool add) {
  const __mmask16 last = firstLanes(lanes);
  __m512 sum[rows][vectors];
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) {
      const __mmask16 mask = j + 1 < vectors ? static_cast<__mmask16>(0xffff) : last;
      sum[i][j] = add ? _mm512_maskz_loadu_ps(mask, c + i * cStride + j * 16) : _mm512_setzero_ps();
    }
  }
  for (int64_t k = 0; k < pairs; k++, b += kColumns) {
    __m512bh y[vectors];
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) y[j] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(b + j * 16));
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      const uint32_t pair = across ? a[k * aStride + i] : a[i * aStride + k];
      const __m512bh x = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(pair)));
#pragma GCC unroll 8
      for (int j = 0; j < vectors; j++) sum[i][j] = _mm512_dpbf16_ps(sum[i][j], x, y[j]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) {
      const __mmask16 mask = j + 1 < vectors ? static_cast<__mmask16>(0xffff) : last;
      _mm512_mask_storeu_ps(c + i * cStride + j * 16, mask, sum[i][j]);
    }
  }
}

using Bf16Tile = void (*)(int64_t, const uint32_t*, int64_t, const uint32_t*, float*, int64_t, int64_t, bool);

template <bool across>
static Bf16Tile bf16TileOf(int64_t rows, int64_t vectors) {
#define BREVITY_TILES(v)                                                                                    \
  { bf16Tile<1, v, across>, bf16Tile<2, v, across>, bf16Tile<3, v, across>, bf16Tile<4, v, across>,          \
    bf16Tile<5, v, across>, bf16Tile<6, v, across> }
  static constexpr Bf16Tile tiles[kVectors][kRows] = {BREVITY_TILES(1), BREVITY_TILES(2), BREVITY_TILES(3),
                                                      BREVITY_TILES(4)};
#undef BREVITY_TILES
  return tiles[vectors - 1][rows - 1];
}
#endif

// One panel: c [M, n] (+)= a·b for n ≤ kColumns columns of a packed b.
static void panelProductBf16(int64_t M, int64_t n, int64_t pairs, LeftPairs a, const uint32_t* b, float* c,
                             int64_t cStride, bool add) {
#if defined(BREVITY_AVX512)
  if (hasBf16Products()) {
    const int64_t vectors = blocksOf(n, W), lanes = n - (vectors - 1) * W;
    for (int64_t i = 0; i < M; i += kRows) {
      const int64_t rows = least(kRows, M - i);
      const Bf16Tile f = a.across ? bf16TileOf<true>(rows, vectors) : bf16TileOf<false>(rows, vectors);
      f(pairs, a.at(i), a.stride, b, c + i * cStride, cStride, lanes, add);
    }
    return;
  }
#endif
  for (int64_t i = 0; i < M; i++)
    for (int64_t j = 0; j < n; j++) {
      float sum = add ? c[i * cStride + j] : 0.0f;
      for (int64_t k = 0; k < pairs; k++) {
        const uint32_t x = a.at(i)[a.across ? k * a.stride : k], y = b[k * kColumns + j];
        sum = sum + oddOf(x) * oddOf(y);
        sum = sum + evenOf(x) * evenOf(y);
      }
      c[i * cStride + j] = sum;
    }
}

// An operand as stored, in float32 or bfloat16.
template <class T>
struct RightPairs {
  const T* data;
  int64_t stride;
  bool across;  // stored [N, K]
  // The columns [j, j + n) of the rows [k, k + K) as a panel of row stride kColumns; k is even.
  void pack(int64_t k, int64_t K, int64_t j, int64_t n, uint32_t* y) const {
    const int64_t width = blocksOf(n, W) * W;
    if (across) {
      packPairRows(data + j * stride + k, stride, K, n, y, kColumns, width);
    } else {
      packPairColumns(data + k * stride + j, stride, K, n, y, kColumns, width);
    }
  }
};

}  // namespace BREVITY_NS
}  // namespace brevity
