// Gradients of attention.cu's op on tensor cores, for what attentionMma.cu computes: one pass for a tile of queries, which
// walks over its keys, and one for a tile of keys, which walks over all queries that see them, segment by segment and head
// by head (attentionGrad.cu says why there are two).
#include "tiles.h"

struct GradientInputs {
  const uint16_t *q, *k, *v, *dout;
  const float *lse, *delta;  // [N, H]
};

// dq of a tile of queries. In the words of arXiv 2205.14135, algorithm 4: slopes are dP, weights P and then dS.
template <int kD>
DEVICE void queryGradientMma(const AttentionArguments& a, const QueryTile* tiles, const GradientInputs& in, float* dq) {
  SHARED_MEMORY(uint16_t, memory);
  const QueryTile tile = tiles[blockIdx.x];
  if (tile.segment < 0) return;
  const QuerySpan span(a, tile, kTileRows);
  const int64_t head = blockIdx.y, keyHead = head / (a.H / a.K);
  const LanePlace lane = lanePlace();
  uint16_t *Q = memory, *dO = Q + TileLayout<kD>::size, *K = dO + TileLayout<kD>::size, *V = K + TileLayout<kD>::size;
  fetchQueries<kD>(Q, in.q, a, span, head);
  fetchQueries<kD>(dO, in.dout, a, span, head);
  fetchKeys<kD>(K, in.k, a, span, keyHead, span.begin);
  fetchKeys<kD>(V, in.v, a, span, keyHead, span.begin);
  const int mine = lane.warp * 16;
  float normaliser[2], delta[2];
  for (int half = 0; half < 2; half++) {
    const int r = mine + lane.g + 8 * half;
    const int64_t at = (span.firstRow + r) * a.H + head;
    normaliser[half] = r < span.rows ? in.lse[at] * kLog2E : 0;
    delta[half] = r < span.rows ? in.delta[at] : 0;
  }
  float result[kD / 8][4] = {};
  for (int64_t j0 = span.begin; j0 < span.end; j0 += kTileRows) {
    waitForCopies();
    __syncthreads();
    float weights[kTileRows / 8][4], slopes[kTileRows / 8][4];
    multiplyRows<kD, kTileRows>(weights, Q, mine, K, 0);
    multiplyRows<kD, kTileRows>(slopes, dO, mine, V, 0);
    const TileSight sight(a.window, j0 - span.firstPlace);
    UNROLL
    for (int n = 0; n < kTileRows / 8; n++)
      for (int e = 0; e < 4; e++) {
        const bool seen = sight.all || sight.sees(mine + lane.g + e / 2 * 8, 8 * n + 2 * lane.t + e % 2);
        const float p = seen ? exp2f(weights[n][e] * (a.scale * kLog2E) - normaliser[e / 2]) : 0;
        weights[n][e] = p * (slopes[n][e] - delta[e / 2]);
      }
    __syncthreads();
    const bool more = j0 + kTileRows < span.end;
    if (more) fetchKeys<kD>(V, in.v, a, span, keyHead, j0 + kTileRows);
    addWeighted<kD, kTileRows>(result, weights, K, 0);
    __syncthreads();
    if (more) fetchKeys<kD>(K, in.k, a, span, keyHead, j0 + kTileRows);
  }
  for (int half = 0; half < 2; half++) {
    const int r = mine + lane.g + 8 * half;
    if (r < span.rows) storeRow<kD>(dq + ((span.firstRow + r) * a.H + head) * a.d, result, half, a.scale, a.d);
  }
}

// Of the keys' pass, which has two sums to keep: more would not fit into registers.
constexpr int kQueriesAtOnce = 32;

// dk and dv of the rows [64·blockIdx.x, …) of the key head blockIdx.y, whatever segments they are keys of.
template <int kD>
DEVICE void keyGradientMma(const AttentionArguments& a, const GradientInputs& in, float* dk, float* dv) {
  SHARED_MEMORY(uint16_t, memory);
  const int tid = threadIdx.x;
  const LanePlace lane = lanePlace();
  uint16_t *K = memory, *V = K + TileLayout<kD>::size, *Q = V + TileLayout<kD>::size, *dO = Q + TileLayout<kD>::size;
  auto* normalisers = reinterpret_cast<float*>(dO + TileLayout<kD>::size);
  float* deltas = normalisers + kTileRows;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kTileRows;
  const int64_t end = first + kTileRows < a.N ? first + kTileRows : a.N;
  const int64_t keyHead = blockIdx.y, group = a.H / a.K;
  fetchTile<kD>(K, in.k + keyHead * kD, a.K * kD, end - first, [&](int r) { return first + r; });
  fetchTile<kD>(V, in.v + keyHead * kD, a.K * kD, end - first, [&](int r) { return first + r; });
  const int mine = lane.warp * 16;
  float ofKeys[kD / 8][4] = {}, ofValues[kD / 8][4] = {};
  const SegmentsOfRows range = segmentsOfRows(a.segments, first, end);
  for (int64_t s = range.first; s < range.end; s++) {
    const Segment segment = segmentAt(a.segments, s);
    if (!fits(segment, a.N)) continue;
    const KeysOfSegment keys(segment, first, end, a.window);
    if (!keys.any) continue;
    // Places behind the segment's first query, which a row that is none of its keys has after all of them.
    int place[2];
    for (int half = 0; half < 2; half++) {
      const int64_t row = first + mine + lane.g + 8 * half, at = row < end ? segment.place(row) : -1;
      place[half] = static_cast<int>(at < 0 ? segment.length : at - segment.prefixLength);
    }
    const int64_t firstAt = segment.place(first) - segment.prefixLength;
    for (int64_t head = keyHead * group; head < (keyHead + 1) * group; head++) {
      for (int64_t i0 = keys.firstQuery; i0 < keys.endQuery; i0 += kTileRows) {
        const int64_t count = keys.endQuery - i0 < kTileRows ? keys.endQuery - i0 : kTileRows;
        const int64_t firstRow = segment.start + i0;
        __syncthreads();
        fetchTile<kD>(Q, in.q + head * kD, a.H * kD, count, [&](int r) { return firstRow + r; });
        fetchTile<kD>(dO, in.dout + head * kD, a.H * kD, count, [&](int r) { return firstRow + r; });
        if (tid < kTileRows) {
          const int64_t at = (firstRow + tid) * a.H + head;
          normalisers[tid] = tid < count ? in.lse[at] * kLog2E : 0;
          deltas[tid] = tid < count ? in.delta[at] : 0;
        }
        waitForCopies();
        __syncthreads();
        const TileSight sight(a.window, firstAt - i0);
        const bool all = keys.inRow && sight.all;
        const int ahead[2] = {place[0] - static_cast<int>(i0), place[1] - static_cast<int>(i0)};
        NO_UNROLL
        for (int i = 0; i < kTileRows; i += kQueriesAtOnce) {
          float weights[kQueriesAtOnce / 8][4], slopes[kQueriesAtOnce / 8][4];
          multiplyRows<kD, kQueriesAtOnce>(weights, K, mine, Q, i);
          multiplyRows<kD, kQueriesAtOnce>(slopes, V, mine, dO, i);
          UNROLL
          for (int n = 0; n < kQueriesAtOnce / 8; n++)
            for (int e = 0; e < 4; e++) {
              const int query = i + 8 * n + 2 * lane.t + e % 2, later = ahead[e / 2] - query;
              // Queries that are not there are zeros, as is what they add.
              const bool seen = all || (later <= 0 && later > -sight.window);
              const float p = seen ? exp2f(weights[n][e] * (a.scale * kLog2E) - normalisers[query]) : 0;
              weights[n][e] = p;
              slopes[n][e] = p * (slopes[n][e] - deltas[query]);
            }
          addWeighted<kD, kQueriesAtOnce>(ofValues, weights, dO, i);
          addWeighted<kD, kQueriesAtOnce>(ofKeys, slopes, Q, i);
        }
      }
    }
  }
  waitForCopies();
  for (int half = 0; half < 2; half++) {
    const int64_t key = first + mine + lane.g + 8 * half;
    if (key >= end) continue;
    const int64_t at = (key * a.K + keyHead) * a.d;
    storeRow<kD>(dk + at, ofKeys, half, a.scale, a.d);
    storeRow<kD>(dv + at, ofValues, half, 1, a.d);
  }
}

#define MMA_GRADIENT_KERNELS(width)                                                                                    \
  KERNEL queryGradientMma##width(AttentionArguments a, const QueryTile* tiles, GradientInputs in, float* dq) {     \
    queryGradientMma<width>(a, tiles, in, dq);                                                                     \
  }                                                                                                                \
  KERNEL keyGradientMma##width(AttentionArguments a, GradientInputs in, float* dk, float* dv) {                    \
    keyGradientMma<width>(a, in, dk, dv);                                                                          \
  }
MMA_GRADIENT_KERNELS(64)
MMA_GRADIENT_KERNELS(128)

#if BREVITY_HOST
namespace brevity {
namespace cuda {

void attentionGradMma(const AttentionArguments& a, const QueryTile* tiles, const float* q, const float* k, const float* v,
                      const float* lse, const float* delta, const float* dout, float* dq, float* dk, float* dv) {
  const int64_t width = roundedWidth(a.d);
  Scratch<uint16_t> queries(a.N * a.H * width), keys(a.N * a.K * width), values(a.N * a.K * width);
  Scratch<uint16_t> slopes(a.N * a.H * width);
  roundHeads(q, queries, a.N * a.H, a.d);
  roundHeads(k, keys, a.N * a.K, a.d);
  roundHeads(v, values, a.N * a.K, a.d);
  roundHeads(dout, slopes, a.N * a.H, a.d);
  const GradientInputs in{queries, keys, values, slopes, lse, delta};
  const Geometry forQueries(dim3(gridSize(tileCount(a, kTileRows)), static_cast<unsigned>(a.H)), kTileThreads,
                            tileBytes(a.d, 4));
  const Geometry forKeys(dim3(gridSize(ceilDiv(a.N, kTileRows)), static_cast<unsigned>(a.K)), kTileThreads,
                         tileBytes(a.d, 4) + 2 * kTileRows * static_cast<int64_t>(sizeof(float)));
  if (width == 64) {
    LAUNCH(queryGradientMma64, forQueries, a, tiles, in, dq);
    LAUNCH(keyGradientMma64, forKeys, a, in, dk, dv);
  } else {
    LAUNCH(queryGradientMma128, forQueries, a, tiles, in, dq);
    LAUNCH(keyGradientMma128, forKeys, a, in, dk, dv);
  }
}

}  // namespace cuda
}  // namespace brevity
#endif
