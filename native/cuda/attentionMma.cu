// The forward pass of attention.cu's op on tensor cores (arXiv 2307.08691), for products in bf16 and heads of up to 128
// dimensions: four warps have 16 queries each and walk over keys 64 at a time; scores, weights and sums stay in registers.
// Values arrive while weights are computed, the next keys while values are added up.
//
// Leaves out Hopper's wgmma and bulk copies: to be measured on hardware first.
#include "tiles.h"

template <int kD>
DEVICE void padRows(const float* x, uint16_t* y, int64_t rows, int d) {
  constexpr int kPairs = kD / 2;
  auto* pairs = reinterpret_cast<uint32_t*>(y);
  for (EACH(i, rows * kPairs)) {
    const int c = static_cast<int>(i % kPairs) * 2;
    const float* row = x + i / kPairs * d;
    pairs[i] = bf16Pair(c < d ? row[c] : 0, c + 1 < d ? row[c + 1] : 0);
  }
}
KERNEL roundHeads64(const float* x, uint16_t* y, int64_t rows, int d) { padRows<64>(x, y, rows, d); }
KERNEL roundHeads128(const float* x, uint16_t* y, int64_t rows, int d) { padRows<128>(x, y, rows, d); }

template <int kD>
DEVICE void attendOnTensorCores(const AttentionArguments& a, const QueryTile* tiles, const uint16_t* q,
                                const uint16_t* k, const uint16_t* v, float* out, float* lse) {
  SHARED_MEMORY(uint16_t, memory);
  const QueryTile tile = tiles[blockIdx.x];
  if (tile.segment < 0) return;
  const QuerySpan span(a, tile, kTileRows);
  const int64_t head = blockIdx.y, keyHead = head / (a.H / a.K);
  const LanePlace lane = lanePlace();
  uint16_t *Q = memory, *K = Q + TileLayout<kD>::size, *V = K + TileLayout<kD>::size;
  fetchQueries<kD>(Q, q, a, span, head);
  fetchKeys<kD>(K, k, a, span, keyHead, span.begin);
  float most[2] = {-INFINITE, -INFINITE}, sum[2] = {}, result[kD / 8][4] = {};
  const int mine = lane.warp * 16;
  for (int64_t j0 = span.begin; j0 < span.end; j0 += kTileRows) {
    waitForCopies();
    __syncthreads();
    fetchKeys<kD>(V, v, a, span, keyHead, j0);
    float scores[kTileRows / 8][4];
    multiplyRows<kD, kTileRows>(scores, Q, mine, K, 0);
    // Powers of 2 from here on. Rows without a query may see what is not there: nobody reads them.
    const TileSight sight(a.window, j0 - span.firstPlace);
    UNROLL
    for (int n = 0; n < kTileRows / 8; n++)
      for (int e = 0; e < 4; e++) {
        const bool seen = sight.all || sight.sees(mine + lane.g + e / 2 * 8, 8 * n + 2 * lane.t + e % 2);
        scores[n][e] = seen ? scores[n][e] * (a.scale * kLog2E) : -INFINITE;
      }
    UNROLL
    for (int half = 0; half < 2; half++) {
      float larger = most[half];
      UNROLL
      for (int n = 0; n < kTileRows / 8; n++)
        larger = fmaxf(larger, fmaxf(scores[n][2 * half], scores[n][2 * half + 1]));
      larger = largestOfRow<kLanesOfFragment>(larger);
      // Nothing seen yet: every weight is 0.
      const float base = larger == -INFINITE ? 0 : larger;
      const float kept = exp2f(most[half] - base);
      float added = 0;
      UNROLL
      for (int n = 0; n < kTileRows / 8; n++)
        for (int e = 2 * half; e < 2 * half + 2; e++) added += scores[n][e] = exp2f(scores[n][e] - base);
      sum[half] = sum[half] * kept + sumOfRow<kLanesOfFragment>(added);
      most[half] = larger;
      UNROLL
      for (int n = 0; n < kD / 8; n++)
        for (int e = 2 * half; e < 2 * half + 2; e++) result[n][e] *= kept;
    }
    waitForCopies();
    __syncthreads();
    if (j0 + kTileRows < span.end) fetchKeys<kD>(K, k, a, span, keyHead, j0 + kTileRows);
    addWeighted<kD, kTileRows>(result, scores, V, 0);
  }
  UNROLL
  for (int half = 0; half < 2; half++) {
    const int r = mine + lane.g + 8 * half;
    if (r >= span.rows) continue;
    const int64_t at = (span.firstRow + r) * a.H + head;
    storeRow<kD>(out + at * a.d, result, half, 1 / sum[half], a.d);
    if (lane.t == 0) lse[at] = (most[half] + log2f(sum[half])) * kLn2;
  }
}

KERNEL attentionMma64(AttentionArguments a, const QueryTile* tiles, const uint16_t* q, const uint16_t* k,
                      const uint16_t* v, float* out, float* lse) {
  attendOnTensorCores<64>(a, tiles, q, k, v, out, lse);
}
KERNEL attentionMma128(AttentionArguments a, const QueryTile* tiles, const uint16_t* q, const uint16_t* k,
                       const uint16_t* v, float* out, float* lse) {
  attendOnTensorCores<128>(a, tiles, q, k, v, out, lse);
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {

void roundHeads(const float* x, uint16_t* y, int64_t rows, int64_t d) {
  if (d == roundedWidth(d)) return roundRows(x, y, {1, rows, d, d, 0, d});
  const Geometry geometry = overElements(rows * roundedWidth(d) / 2);
  if (roundedWidth(d) == 64) LAUNCH(roundHeads64, geometry, x, y, rows, static_cast<int>(d));
  else LAUNCH(roundHeads128, geometry, x, y, rows, static_cast<int>(d));
}

void attentionMma(const AttentionArguments& a, const QueryTile* tiles, const float* q, const float* k, const float* v,
                  float* out, float* lse) {
  const int64_t width = roundedWidth(a.d);
  Scratch<uint16_t> queries(a.N * a.H * width), keys(a.N * a.K * width), values(a.N * a.K * width);
  roundHeads(q, queries, a.N * a.H, a.d);
  roundHeads(k, keys, a.N * a.K, a.d);
  roundHeads(v, values, a.N * a.K, a.d);
  const dim3 grid(gridSize(tileCount(a, kTileRows)), static_cast<unsigned>(a.H));
  const Geometry geometry(grid, kTileThreads, tileBytes(a.d, 3));
  if (width == 64) LAUNCH(attentionMma64, geometry, a, tiles, queries, keys, values, out, lse);
  else LAUNCH(attentionMma128, geometry, a, tiles, queries, keys, values, out, lse);
}

}  // namespace cuda
}  // namespace brevity
#endif
