// What the passes of attention on tensor cores share (attentionMma.cu, attentionGradMma.cu): tiles of 64 rows of a head in
// shared memory, as bf16, and products of 16 of them, which a warp has, with others.
//
// Queries, keys and values are rounded once, into rows of kD elements: d with zeros behind it. Fragments of sums become
// the left operand of the next product where they are, in registers (arXiv 2307.08691).
#pragma once
#include "mma.h"
#include "segments.h"

constexpr int kTileThreads = 128;  // four warps of 16 rows
constexpr int kLanesOfFragment = 4;  // that share a row

// Elements from row to row in shared memory: eight rows' pieces of 16 bytes lie in different banks.
template <int kD>
struct TileLayout {
  static constexpr int ld = kD + 8;
  static constexpr int size = kTileRows * ld;
};

// A lane's place in the fragments of its warp (mma.h).
struct LanePlace {
  int warp, g, t;
};
DEVICE LanePlace lanePlace() {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  return LanePlace{static_cast<int>(threadIdx.x) / 32, lane / 4, lane % 4};
}

// Begins to copy `count` rows, of which row r lies at from + rowOf(r) · stride; zeros behind them.
template <int kD, typename RowOf>
DEVICE void fetchTile(uint16_t* tile, const uint16_t* from, int64_t stride, int64_t count, RowOf rowOf) {
  constexpr int kPieces = kD / 8;
  for (int i = threadIdx.x; i < kTileRows * kPieces; i += kTileThreads) {
    const int row = i / kPieces, c = i % kPieces * 8;
    const bool there = row < count;
    copyAsync(tile + row * TileLayout<kD>::ld + c, from + (there ? rowOf(row) * stride : 0) + c, there ? 16 : 0);
  }
}

// Of a tile's head: its queries; the keys or values from the place j0 on.
template <int kD>
DEVICE void fetchQueries(uint16_t* into, const uint16_t* from, const AttentionArguments& a, const QuerySpan& span,
                         int64_t head) {
  fetchTile<kD>(into, from + head * kD, a.H * kD, span.rows, [&](int r) { return span.firstRow + r; });
}
template <int kD>
DEVICE void fetchKeys(uint16_t* into, const uint16_t* from, const AttentionArguments& a, const QuerySpan& span,
                      int64_t keyHead, int64_t j0) {
  fetchTile<kD>(into, from + keyHead * kD, a.K * kD, span.end - j0, [&](int r) { return span.segment.row(j0 + r); });
}

// The row of which a lane gives the address where a warp loads 16 × 16 elements.
template <int kD>
DEVICE const uint16_t* fragmentRow(const uint16_t* tile, int row, int column) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  return tile + (row + lane % 16) * TileLayout<kD>::ld + column + lane / 16 * 8;
}

// sums [16, kColumns] = the 16 rows of A from a0 on · the kColumns rows of B from b0 onᵀ, over kD.
template <int kD, int kColumns>
DEVICE void multiplyRows(float (&sums)[kColumns / 8][4], const uint16_t* A, int a0, const uint16_t* B, int b0) {
  UNROLL
  for (int n = 0; n < kColumns / 8; n++)
    for (int e = 0; e < 4; e++) sums[n][e] = 0;
  UNROLL
  for (int k = 0; k < kD; k += 16) {
    uint32_t left[4];
    loadMatrices(left, fragmentRow<kD>(A, a0, k));
    UNROLL
    for (int n = 0; n < kColumns; n += 16) {
      uint32_t r[4];
      loadMatrices(r, fragmentRow<kD>(B, b0 + n, k));
      const uint32_t first[2] = {r[0], r[2]}, second[2] = {r[1], r[3]};
      mmaBf16(sums[n / 8], left, first);
      mmaBf16(sums[n / 8 + 1], left, second);
    }
  }
}

// sums [16, kD] += weights [16, kColumns], rounded · the rows of B from b0 on.
template <int kD, int kColumns>
DEVICE void addWeighted(float (&sums)[kD / 8][4], const float (&weights)[kColumns / 8][4], const uint16_t* B, int b0) {
  UNROLL
  for (int n = 0; n < kColumns; n += 16) {
    const float(&low)[4] = weights[n / 8], (&high)[4] = weights[n / 8 + 1];
    const uint32_t left[4] = {bf16Pair(low[0], low[1]), bf16Pair(low[2], low[3]), bf16Pair(high[0], high[1]),
                              bf16Pair(high[2], high[3])};
    UNROLL
    for (int c = 0; c < kD; c += 16) {
      uint32_t r[4];
      loadTransposed(r, fragmentRow<kD>(B, b0 + n, c));
      mmaBf16(sums[c / 8], left, r);
      mmaBf16(sums[c / 8 + 1], left, r + 2);
    }
  }
}

// Writes the rows g and g + 8 of a warp's sums, times `by`, into rows of d elements.
template <int kD>
DEVICE void storeRow(float* row, const float (&sums)[kD / 8][4], int half, float by, int64_t d) {
  const int t = lanePlace().t;
  UNROLL
  for (int n = 0; n < kD / 8; n++)
    for (int e = 0; e < 2; e++) {
      const int c = 8 * n + 2 * t + e;
      if (c < d) row[c] = sums[n][2 * half + e] * by;
    }
}

// Which of a tile's keys its queries see, both by their number in the tile: key 0 stands `ahead` places after query 0.
struct TileSight {
  int ahead, window;
  bool all;

  __device__ TileSight(int64_t window, int64_t ahead)
      : ahead(static_cast<int>(ahead)),
        window(window == 0 || window > kEndless ? kEndless : static_cast<int>(window)),
        all(ahead <= 1 - kTileRows && ahead > kTileRows - 1 - this->window) {}
  __device__ bool sees(int query, int key) const {
    const int later = ahead + key - query;
    return later <= 0 && later > -window;
  }
  static constexpr int kEndless = 0x7fffffff;
};

constexpr float kLog2E = 1.4426950408889634f, kLn2 = 0.6931471805599453f;

#if BREVITY_HOST
namespace brevity {
namespace cuda {

// Elements of a rounded row for heads of size d.
inline int64_t roundedWidth(int64_t d) { return d <= 64 ? 64 : kMostMmaDims; }
// y [rows, roundedWidth(d)] of x [rows, d].
void roundHeads(const float* x, uint16_t* y, int64_t rows, int64_t d);
// Shared memory of `count` tiles.
inline int64_t tileBytes(int64_t d, int count) { return count * kTileRows * (roundedWidth(d) + 8) * 2; }

}  // namespace cuda
}  // namespace brevity
#endif
