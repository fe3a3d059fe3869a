// The register tile of bfloat16 products on AVX512-BF16. One VDPBF16PS adds two products to each of 16 sums, the odd
// k's first, each sum rounded to nearest even.
#pragma once
#include "bf16Pairs.h"

#if defined(BREVITY_PAIR_VECTORS)

namespace brevity {
namespace BREVITY_NS {

static_assert(kPairColumns == kColumns, "a panel is as wide as the tile");

// c [rows, (vectors - 1)·W + lanes] (+)= a·b over `pairs`; b is a packed panel of row stride kColumns.
template <int rows, int vectors, bool across>
BREVITY_BF16 static void avx512Tile(int64_t pairs, const uint32_t* a, int64_t aStride, const uint32_t* b, float* c,
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

using Avx512Tile = void (*)(int64_t, const uint32_t*, int64_t, const uint32_t*, float*, int64_t, int64_t, bool);

template <bool across>
static Avx512Tile avx512TileOf(int64_t rows, int64_t vectors) {
#define BREVITY_TILES(v)                                                                                      \
  { avx512Tile<1, v, across>, avx512Tile<2, v, across>, avx512Tile<3, v, across>, avx512Tile<4, v, across>,   \
    avx512Tile<5, v, across>, avx512Tile<6, v, across> }
  static constexpr Avx512Tile tiles[kVectors][kRows] = {BREVITY_TILES(1), BREVITY_TILES(2), BREVITY_TILES(3),
                                                      BREVITY_TILES(4)};
#undef BREVITY_TILES
  return tiles[vectors - 1][rows - 1];
}

// One panel: c [M, n] (+)= a·b over `pairs`. Element (row, pair) of a is at row·aStride + pair, or at pair·aStride + row
// if `across`.
static void avx512Product(int64_t M, int64_t n, int64_t pairs, const uint32_t* a, int64_t aStride, bool across,
                          const uint32_t* b, float* c, int64_t cStride, bool add) {
  const int64_t vectors = blocksOf(n, W), lanes = n - (vectors - 1) * W;
  for (int64_t i = 0; i < M; i += kRows) {
    const int64_t rows = least(kRows, M - i);
    const Avx512Tile f = across ? avx512TileOf<true>(rows, vectors) : avx512TileOf<false>(rows, vectors);
    f(pairs, a + (across ? i : i * aStride), aStride, b, c + i * cStride, cStride, lanes, add);
  }
}

}  // namespace BREVITY_NS
}  // namespace brevity

#endif
