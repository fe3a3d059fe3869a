// The register tile of every product, and the packing of its second operand, used by gemm, tokenLogProbs and attention.
// A tile of kRows × kColumns sums of products stays in registers over all of k, each summed in order.
#pragma once
#include "simd.h"

namespace brevity {
namespace BREVITY_NS {

constexpr int kRows = 6;
constexpr int kColumns = kVectors * W;

// The part size if n is divided into the fewest equal parts of at most `most`.
BREVITY_INLINE int64_t evenly(int64_t n, int64_t most) { return n <= most ? most : blocksOf(n, blocksOf(n, most)); }
// The size of as few parts of n as `size` allows, as equal as multiples of `unit` can be.
BREVITY_INLINE int64_t evenBlocks(int64_t n, int64_t size, int64_t unit) {
  return blocksOf(blocksOf(n, blocksOf(n, size)), unit) * unit;
}

// Memory to prefetch for the next product: `width` bytes of a panel, advancing `step` bytes with every k.
struct Ahead {
  const char* data = nullptr;
  int64_t step = 0;
  int64_t width = 0;
};
template <class T>
BREVITY_INLINE Ahead aheadOf(const T* data, int64_t step) {
  const int64_t size = sizeof(T);
  return {reinterpret_cast<const char*>(data), step * size, kColumns * size};
}

// c [rows, (vectors - 1)·W + lanes] (+)= a·b over K. Element (i, k) of a is a[i·aStride + k], or a[k·aStride + i] if
// `across`; row k of b, float or bfloat16, is at b + k·bStride and holds whole vectors.
template <int rows, int vectors, bool across, class T>
static void tile(int64_t K, const float* a, int64_t aStride, const T* b, int64_t bStride, float* c, int64_t cStride,
                 int64_t lanes, bool add, Ahead ahead) {
  vec sum[rows][vectors];
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) {
      if (!add) {
        sum[i][j] = zero();
      } else if (j + 1 < vectors || lanes == W) {
        sum[i][j] = load(c + i * cStride + j * W);
      } else {
        sum[i][j] = loadFirst(c + i * cStride + j * W, lanes);
      }
    }
  }
  const float* at[rows];
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) at[i] = across ? a + i : a + i * aStride;
  const auto step = [&](int64_t k) __attribute__((always_inline)) {
    vec y[vectors];
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) y[j] = load(b + j * W);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      vec x = splat(across ? a[i] : at[i][k]);
#pragma GCC unroll 8
      for (int j = 0; j < vectors; j++) sum[i][j] = fma(x, y[j], sum[i][j]);
    }
    b += bStride;
    if (across) a += aStride;
  };
  if (ahead.data == nullptr) {
#pragma GCC unroll 4
    for (int64_t k = 0; k < K; k++) step(k);
  } else {
    for (int64_t k = 0; k < K; k++) {
      step(k);
      for (int64_t j = 0; j < ahead.width; j += 64) __builtin_prefetch(ahead.data + j, 0, 2);
      ahead.data += ahead.step;
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) {
      if (j + 1 < vectors || lanes == W) {
        store(c + i * cStride + j * W, sum[i][j]);
      } else {
        storeFirst(c + i * cStride + j * W, sum[i][j], lanes);
      }
    }
  }
}

template <class T>
using Tile = void (*)(int64_t, const float*, int64_t, const T*, int64_t, float*, int64_t, int64_t, bool, Ahead);

template <bool across, class T>
static Tile<T> tileOf(int64_t rows, int64_t vectors) {
#define BREVITY_TILES(v)                                                                                     \
  { tile<1, v, across, T>, tile<2, v, across, T>, tile<3, v, across, T>, tile<4, v, across, T>, tile<5, v, across, T>, \
    tile<6, v, across, T> }
  static constexpr Tile<T> tiles[kVectors][kRows] = {
      BREVITY_TILES(1),
      BREVITY_TILES(2),
#if !defined(BREVITY_AVX2) && (defined(BREVITY_AVX512) || defined(BREVITY_NEON))
      BREVITY_TILES(3),
      BREVITY_TILES(4),
#endif
  };
#undef BREVITY_TILES
  return tiles[vectors - 1][rows - 1];
}

// The left operand of a block product.
struct Left {
  const float* data;
  int64_t stride;
  bool across;        // stored [K, M]
  int64_t tiles = 0;  // if not 0, `across` in tiles of kRows rows, whose starts are this far apart
  const float* at(int64_t row) const {
    if (tiles > 0) return data + row / kRows * tiles;
    return across ? data + row : data + row * stride;
  }
};

// One panel: c [M, n] (+)= a·b for n ≤ kColumns columns.
template <class T>
BREVITY_INLINE void panelProduct(int64_t M, int64_t n, int64_t K, Left a, const T* b, int64_t bStride, float* c,
                                 int64_t cStride, bool add, Ahead ahead = Ahead()) {
  int64_t vectors = blocksOf(n, W), lanes = n - (vectors - 1) * W;
  for (int64_t i = 0; i < M; i += kRows) {
    int64_t rows = least(kRows, M - i);
    // The sums of the tile after this one, whose rows lie far apart.
    for (int64_t r = 0; r < kRows && i + kRows + r < M; r++) __builtin_prefetch(c + (i + kRows + r) * cStride, 1, 3);
    Tile<T> f = a.across ? tileOf<true, T>(rows, vectors) : tileOf<false, T>(rows, vectors);
    f(K, a.at(i), a.stride, b, bStride, c + i * cStride, cStride, lanes, add, ahead);
    ahead = Ahead();
  }
}

// Transposes W × W floats or bfloat16: rows of x are xStride apart, rows of y (x's columns) yStride.
template <class T>
BREVITY_INLINE void transposeSquare(const T* x, int64_t xStride, float* y, int64_t yStride) {
#if defined(BREVITY_AVX512)
  __m512 r[16], t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) r[i] = load(x + i * xStride);
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    __m512d a = _mm512_castps_pd(t[i]), b = _mm512_castps_pd(t[i + 1]);
    __m512d c = _mm512_castps_pd(t[i + 2]), d = _mm512_castps_pd(t[i + 3]);
    r[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    r[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    r[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    r[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) {
    _mm512_storeu_ps(y + i * yStride, _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88));
    _mm512_storeu_ps(y + (i + 8) * yStride, _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd));
  }
#elif defined(BREVITY_AVX2)
  __m256 r[8], t[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) r[i] = load(x + i * xStride);
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    _mm256_storeu_ps(y + i * yStride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(y + (i + 4) * yStride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
#else
  for (int i = 0; i < W; i++) {
    vec r = {valueOf(x[i]), valueOf(x[xStride + i]), valueOf(x[2 * xStride + i]), valueOf(x[3 * xStride + i])};
    store(y + i * yStride, r);
  }
#endif
}

// y [K, yStride] = the columns [0, n) of b [K, bStride], zeros up to whole vectors.
template <class T>
BREVITY_INLINE void packColumns(const T* b, int64_t bStride, int64_t K, int64_t n, float* y, int64_t yStride) {
  for (int64_t k = 0; k < K; k++, b += bStride, y += yStride) {
    int64_t j = 0;
    for (; j + W <= n; j += W) store(y + j, load(b + j));
    if (j < n) store(y + j, loadFirst(b + j, n - j));
  }
}

// The same for b stored as [n, K], rows bStride apart.
template <class T>
BREVITY_INLINE void packRows(const T* b, int64_t bStride, int64_t K, int64_t n, float* y, int64_t yStride) {
  for (int64_t j = 0; j < n; j += W) {
    int64_t lanes = least(W, n - j), k = 0;
    const T* x = b + j * bStride;
    if (lanes == W)
      for (; k + W <= K; k += W) transposeSquare(x + k, bStride, y + k * yStride + j, yStride);
    for (; k < K; k++) {
      float* row = y + k * yStride + j;
      for (int64_t l = 0; l < W; l++) row[l] = l < lanes ? valueOf(x[l * bStride + k]) : 0.0f;
    }
  }
}

// Rows ahead of the one being packed that are fetched: the processor does not foresee where a row far away begins.
constexpr int64_t kFetched = 6;
template <class T>
BREVITY_INLINE void prefetch(const T* x, int64_t n) {
  for (int64_t i = 0; i < n; i += 64 / static_cast<int64_t>(sizeof(T))) __builtin_prefetch(x + i, 0, 2);
}

// Whether products of many rows read a copy of A in which a tile's values are side by side. With AVX-512 a tile uses
// each element of A four times as often, and a copy has not been tried.
#if defined(BREVITY_AVX512)
constexpr bool kPacksLeft = false;
#else
constexpr bool kPacksLeft = true;
#endif

// Floats that packLeft writes.
BREVITY_INLINE int64_t packedLeftFloats(int64_t rows, int64_t K) { return blocksOf(rows, kRows) * kRows * K; }

// Copies a left operand [rows, K] so that a tile reads one stream of memory: its kRows values of every k side by side.
BREVITY_INLINE Left packLeft(Left x, int64_t rows, int64_t K, float* y) {
  constexpr int64_t squares = (kRows + W - 1) / W, wide = squares * W;
  float square[W * wide];
  const int64_t whole = rows / kRows * kRows;
  if (x.across) {
    for (int64_t k = 0; k < K; k++) {
      const float* from = x.data + k * x.stride;
      float* to = y + k * kRows;
      if (k + kFetched < K) prefetch(from + kFetched * x.stride, rows);
      for (int64_t i = 0; i < whole; i += kRows, to += kRows * K) std::memcpy(to, from + i, sizeof(float) * kRows);
      for (int64_t r = whole; r < rows; r++) to[r - whole] = from[r];
    }
    return {y, kRows, true, kRows * K};
  }
  for (int64_t i = 0; i < rows; i += kRows) {
    const float* from = x.at(i);
    float* to = y + i * K;
    int64_t k = 0;
    for (; i + wide <= rows && k + W <= K; k += W) {
      for (int64_t s = 0; s < squares; s++) transposeSquare(from + s * W * x.stride + k, x.stride, square + s * W, wide);
      for (int64_t l = 0; l < W; l++, to += kRows) std::memcpy(to, square + l * wide, sizeof(float) * kRows);
    }
    for (; k < K; k++, to += kRows)
      for (int64_t r = 0; r < least(kRows, rows - i); r++) to[r] = from[r * x.stride + k];
  }
  return {y, kRows, true, kRows * K};
}

// B of a product as stored, in float32 or bfloat16. A packed panel is float32.
template <class T>
struct Right {
  const T* data;
  int64_t stride;
  bool across;  // stored [N, K]
  // The columns [j, j + n) of the rows [k, k + K) as panels of kColumns columns, K·kColumns floats each.
  void pack(int64_t k, int64_t K, int64_t j, int64_t n, float* y) const {
    if (across) {
      for (int64_t at = 0; at < n; at += kColumns)
        packRows(data + (j + at) * stride + k, stride, K, least(kColumns, n - at), y + at * K, kColumns);
      return;
    }
    // A row of all panels at a time, so that memory is read in order.
    const T* x = data + k * stride + j;
    for (int64_t row = 0; row < K; row++, x += stride, y += kColumns) {
      if (row + kFetched < K) prefetch(x + kFetched * stride, n);
      for (int64_t at = 0; at < n; at += kColumns) packColumns(x + at, stride, 1, least(kColumns, n - at), y + at * K, kColumns);
    }
  }
};

}  // namespace BREVITY_NS
}  // namespace brevity
