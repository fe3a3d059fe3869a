// Matrix products of bf16 on tensor cores, for where there is no cuBLASLt: blocks of eight warps compute 128 × 128 elements
// of C, or of four warps 64 × 64 where the larger ones would leave multiprocessors idle. Operands stay as they lie, in
// all transpositions, and come in three stages by asynchronous copies, two of them under way while one is multiplied.
// Sums are float32 and run over k in order, so that a row's result depends neither on the others nor on the tile.
//
// Leaves out splitting k and Hopper's wgmma: to be measured on hardware first.
#include "mma.h"

struct HalfProduct {
  const uint16_t *A, *B;
  float* C;
  int64_t lda, ldb, ldc, batch, strideA, strideB, strideC;
  int32_t M, N, K, accumulate;
};

constexpr int kStageDepth = 32;  // of k
constexpr int kStages = 3;
// Rows of tiles that are walked through column by column, so that what neighbours read stays in the L2 cache.
constexpr int kTileGroup = 8;

// An operand's part of a stage in shared memory: rows as they lie, padded so that the pieces of eight of them lie in
// different banks. `along`: k runs along the rows.
template <int kOuter, bool along>
struct StageLayout {
  static constexpr int rows = along ? kOuter : kStageDepth, cols = along ? kStageDepth : kOuter;
  static constexpr int ld = cols + 8, size = rows * ld;
};

// Begins to copy the part at (row, col) of a matrix [rows, cols] whose rows are ld apart; zeros beyond its ends.
template <typename Layout, int kThreadsOfTile>
DEVICE void fetchStage(uint16_t* stage, const uint16_t* x, int64_t ld, int rows, int cols, int row, int col) {
  constexpr int kPieces = Layout::cols / 8;
  // What is the same in all stages would fill the registers.
  NO_UNROLL
  for (int i = threadIdx.x; i < Layout::rows * kPieces; i += kThreadsOfTile) {
    const int r = i / kPieces, c = i % kPieces * 8;
    const int left = row + r < rows ? cols - col - c : 0, count = left >= 8 ? 8 : left > 0 ? left : 0;
    copyAsync(stage + r * Layout::ld + c, x + (count > 0 ? (row + r) * ld + (col + c) : 0), 2 * count);
  }
}

// A's fragment of the rows from m on, B's of two tiles of eight columns from n on, at k of the stage.
template <bool transA, int ld>
DEVICE void fragmentOfA(uint32_t a[4], const uint16_t* A, int m, int k) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if constexpr (transA) loadTransposed(a, A + (k + lane % 8 + lane / 16 * 8) * ld + m + lane / 8 % 2 * 8);
  else loadMatrices(a, A + (m + lane % 16) * ld + k + lane / 16 * 8);
}
template <bool transB, int ld>
DEVICE void fragmentsOfB(uint32_t first[2], uint32_t second[2], const uint16_t* B, int n, int k) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  uint32_t r[4];
  if constexpr (transB) loadMatrices(r, B + (n + lane % 16) * ld + k + lane / 16 * 8);
  else loadTransposed(r, B + (k + lane % 16) * ld + n + lane / 16 * 8);
  first[0] = r[0];
  first[1] = r[transB ? 2 : 1];
  second[0] = r[transB ? 1 : 2];
  second[1] = r[3];
}

// The block's tile among those of C, as (row, column).
struct TilePlace {
  int m, n;
};
DEVICE TilePlace tilePlace(int down, int across) {
  const int ofGroup = kTileGroup * across, block = static_cast<int>(blockIdx.x), first = block / ofGroup * kTileGroup;
  const int rows = down - first < kTileGroup ? down - first : kTileGroup, at = block % ofGroup;
  return TilePlace{first + at % rows, at / rows};
}

// Warps of kSide / 2 × 32 elements, two of them down.
template <int kSide, bool transA, bool transB>
DEVICE void multiplyTile(const HalfProduct& p, int down, int across) {
  constexpr int kThreadsOfTile = 2 * kSide, kRowTiles = kSide / 32, kColTiles = 4;
  using LayoutA = StageLayout<kSide, !transA>;
  using LayoutB = StageLayout<kSide, transB>;
  SHARED_MEMORY(uint16_t, memory);
  const TilePlace tile = tilePlace(down, across);
  const int m0 = tile.m * kSide, n0 = tile.n * kSide, steps = (p.K + kStageDepth - 1) / kStageDepth;
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int mw = warp % 2 * (kSide / 2), nw = warp / 2 * 32;
  for (int64_t batch = blockIdx.y; batch < p.batch; batch += gridDim.y) {
    const auto fetch = [&](int step) {
      if (step < steps) {
        uint16_t* A = memory + step % kStages * (LayoutA::size + LayoutB::size);
        const uint16_t *a = p.A + batch * p.strideA, *b = p.B + batch * p.strideB;
        const int k = step * kStageDepth;
        if constexpr (transA) fetchStage<LayoutA, kThreadsOfTile>(A, a, p.lda, p.K, p.M, k, m0);
        else fetchStage<LayoutA, kThreadsOfTile>(A, a, p.lda, p.M, p.K, m0, k);
        if constexpr (transB) fetchStage<LayoutB, kThreadsOfTile>(A + LayoutA::size, b, p.ldb, p.N, p.K, n0, k);
        else fetchStage<LayoutB, kThreadsOfTile>(A + LayoutA::size, b, p.ldb, p.K, p.N, k, n0);
      }
      commitCopies();
    };
    float sums[kRowTiles][kColTiles][4] = {};
    for (int step = 0; step < kStages - 1; step++) fetch(step);
    for (int step = 0; step < steps; step++) {
      waitForGroups<kStages - 2>();
      // All have multiplied the stage that is fetched next.
      __syncthreads();
      fetch(step + kStages - 1);
      const uint16_t* A = memory + step % kStages * (LayoutA::size + LayoutB::size);
      UNROLL
      for (int k = 0; k < kStageDepth; k += 16) {
        uint32_t b[kColTiles][2];
        UNROLL
        for (int j = 0; j < kColTiles; j += 2)
          fragmentsOfB<transB, LayoutB::ld>(b[j], b[j + 1], A + LayoutA::size, nw + 8 * j, k);
        UNROLL
        for (int i = 0; i < kRowTiles; i++) {
          uint32_t a[4];
          fragmentOfA<transA, LayoutA::ld>(a, A, mw + 16 * i, k);
          for (int j = 0; j < kColTiles; j++) mmaBf16(sums[i][j], a, b[j]);
        }
      }
    }
    float* C = p.C + batch * p.strideC;
    UNROLL
    for (int i = 0; i < kRowTiles; i++)
      for (int j = 0; j < kColTiles; j++)
        for (int e = 0; e < 4; e++) {
          const int m = m0 + mw + 16 * i + lane / 4 + e / 2 * 8, n = n0 + nw + 8 * j + lane % 4 * 2 + e % 2;
          if (m >= p.M || n >= p.N) continue;
          float* at = C + m * p.ldc + n;
          *at = p.accumulate ? *at + sums[i][j][e] : sums[i][j][e];
        }
    // Before the stages are filled for the next matrix.
    __syncthreads();
  }
}

#define HALF_PRODUCT(name, side, transA, transB)                              \
  KERNEL __launch_bounds__(2 * side, side == 128 ? 2 : 4) name(HalfProduct p, int down, int across) { \
    multiplyTile<side, transA, transB>(p, down, across);                      \
  }
#define HALF_PRODUCTS(side)                                 \
  HALF_PRODUCT(halfProduct##side##NN, side, false, false)   \
  HALF_PRODUCT(halfProduct##side##NT, side, false, true)    \
  HALF_PRODUCT(halfProduct##side##TN, side, true, false)    \
  HALF_PRODUCT(halfProduct##side##TT, side, true, true)
HALF_PRODUCTS(64)
HALF_PRODUCTS(128)

#if BREVITY_HOST
#include <algorithm>

namespace brevity {
namespace cuda {

void productOfHalves(const Gemm& g) {
  HalfProduct p{};
  p.batch = g.batch;
  if (std::max({g.M, g.N, g.K}) > INT32_MAX - 128) throw std::runtime_error("a matrix of more than 2^31 rows or columns");
  p.M = static_cast<int32_t>(g.M);
  p.N = static_cast<int32_t>(g.N);
  p.K = static_cast<int32_t>(g.K);
  p.A = g.halfA;
  p.B = g.halfB;
  p.C = g.C;
  p.lda = g.lda;
  p.ldb = g.ldb;
  p.ldc = g.ldc;
  p.strideA = g.strideA;
  p.strideB = g.strideB;
  p.strideC = g.strideC;
  p.accumulate = g.accumulate;
  const auto tiles = [&](int64_t side) { return ceilDiv(g.M, side) * ceilDiv(g.N, side) * g.batch; };
  const int64_t side = tiles(128) >= stream().multiprocessors() ? 128 : 64;
  const int down = static_cast<int>(ceilDiv(g.M, side)), across = static_cast<int>(ceilDiv(g.N, side));
  const auto part = [&](bool along) { return along ? side * (kStageDepth + 8) : kStageDepth * (side + 8); };
  const Geometry geometry(dim3(gridSize(int64_t{down} * across), static_cast<unsigned>(std::min<int64_t>(g.batch, 65535))),
                          static_cast<unsigned>(2 * side), kStages * (part(!g.transA) + part(g.transB)) * 2);
#define LAUNCH_SIDE(side)                                                                   \
  if (g.transA && g.transB) LAUNCH(halfProduct##side##TT, geometry, p, down, across);       \
  else if (g.transA) LAUNCH(halfProduct##side##TN, geometry, p, down, across);              \
  else if (g.transB) LAUNCH(halfProduct##side##NT, geometry, p, down, across);              \
  else LAUNCH(halfProduct##side##NN, geometry, p, down, across)
  if (side == 128) {
    LAUNCH_SIDE(128);
  } else {
    LAUNCH_SIDE(64);
  }
}

}  // namespace cuda
}  // namespace brevity
#endif
