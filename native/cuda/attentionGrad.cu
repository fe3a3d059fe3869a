// Gradients of attention.cu's op, in two passes that compute the weights again from lse: one for a tile of queries, which
// walks over its keys; one for a tile of keys, which walks over all queries that see them, segment by segment and head
// by head, so that sums run in a fixed order. Products in bf16 have kernels on tensor cores: attentionGradMma.cu.
#include "block.h"
#include "segments.h"

// delta [rows] = Σ out·dout over d elements: a warp for each row.
KERNEL attentionDelta(const float* out, const float* dout, float* delta, int64_t rows, int64_t d) {
  const int64_t warps = gridStride() / 32;
  for (int64_t row = firstIndex() / 32; row < rows; row += warps) {
    float along = 0;
    for (int64_t c = threadIdx.x % 32; c < d; c += 32) along = fmaf(out[row * d + c], dout[row * d + c], along);
    along = warpFold(along, Plus());
    if (threadIdx.x % 32 == 0) delta[row] = along;
  }
}

// dq of a tile of queries.
template <int kRows, int kDims>
DEVICE void queryGradient(const AttentionArguments& a, const QueryTile* tiles, const float* q, const float* k,
                          const float* v, const float* lse, const float* delta, const float* dout, float* dq) {
  constexpr int kKeys = kRows / kLanesOfRow;
  SHARED_MEMORY(float, memory);
  const QueryTile tile = tiles[blockIdx.x];
  if (tile.segment < 0) return;
  const QuerySpan span(a, tile, kRows);
  const int d = static_cast<int>(a.d), ld = d + 1, tid = threadIdx.x;
  const int64_t head = blockIdx.y, keyHead = head / (a.H / a.K);
  float *Q = memory, *dO = Q + kRows * ld, *K = dO + kRows * ld, *V = K + kRows * ld, *dS = V + kRows * ld;
  const int r = tid / kLanesOfRow, lane = tid % kLanesOfRow;
  const int64_t query = span.firstRow + r, place = span.firstPlace + r;
  loadRows<kRows>(Q, d, span.rows, [&](int i) { return q + (span.firstRow + i) * a.qStride + head * d; });
  loadRows<kRows>(dO, d, span.rows, [&](int i) { return dout + ((span.firstRow + i) * a.H + head) * d; });
  const float normaliser = r < span.rows ? lse[query * a.H + head] : 0, along = r < span.rows ? delta[query * a.H + head] : 0;
  float result[kDims] = {};
  for (int64_t j0 = span.begin; j0 < span.end; j0 += kRows) {
    __syncthreads();
    loadRows<kRows>(K, d, span.end - j0, [&](int i) { return k + span.segment.row(j0 + i) * a.kStride + keyHead * d; });
    loadRows<kRows>(V, d, span.end - j0, [&](int i) { return v + span.segment.row(j0 + i) * a.vStride + keyHead * d; });
    __syncthreads();
    float scores[kKeys] = {}, slopes[kKeys] = {};
    for (int c = 0; c < d; c++)
      for (int i = 0; i < kKeys; i++) {
        scores[i] = fmaf(Q[r * ld + c], K[(lane + kLanesOfRow * i) * ld + c], scores[i]);
        slopes[i] = fmaf(dO[r * ld + c], V[(lane + kLanesOfRow * i) * ld + c], slopes[i]);
      }
    for (int i = 0; i < kKeys; i++) {
      const int64_t key = j0 + lane + kLanesOfRow * i;
      const bool seen = r < span.rows && key < span.end && sees(place, key, a.window);
      const float p = seen ? expf(scores[i] * a.scale - normaliser) : 0;
      dS[r * kRows + lane + kLanesOfRow * i] = p * (slopes[i] - along) * a.scale;
    }
    __syncwarp();
    UNROLL
    for (int i = 0; i < kDims; i++) {
      const int c = lane + kLanesOfRow * i;
      if (c >= d) continue;
      float total = result[i];
      for (int j = 0; j < kRows; j++) total = fmaf(dS[r * kRows + j], K[j * ld + c], total);
      result[i] = total;
    }
  }
  if (r >= span.rows) return;
  UNROLL
  for (int i = 0; i < kDims; i++) {
    const int c = lane + kLanesOfRow * i;
    if (c < d) dq[(query * a.H + head) * d + c] = result[i];
  }
}

// dk and dv of the rows [blockIdx.x·kRows, …) of the key head blockIdx.y, whatever segments they are keys of.
template <int kRows, int kDims>
DEVICE void keyGradient(const AttentionArguments& a, const float* q, const float* k, const float* v, const float* lse,
                        const float* delta, const float* dout, float* dk, float* dv) {
  constexpr int kQueries = kRows / kLanesOfRow;
  SHARED_MEMORY(float, memory);
  const int d = static_cast<int>(a.d), ld = d + 1, tid = threadIdx.x;
  float *K = memory, *V = K + kRows * ld, *Q = V + kRows * ld, *dO = Q + kRows * ld;
  float *P = dO + kRows * ld, *dS = P + kRows * kRows, *normalisers = dS + kRows * kRows, *deltas = normalisers + kRows;
  const int r = tid / kLanesOfRow, lane = tid % kLanesOfRow;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kRows, end = first + kRows < a.N ? first + kRows : a.N;
  const int64_t keyHead = blockIdx.y, group = a.H / a.K, key = first + r;
  loadRows<kRows>(K, d, end - first, [&](int i) { return k + (first + i) * a.kStride + keyHead * d; });
  loadRows<kRows>(V, d, end - first, [&](int i) { return v + (first + i) * a.vStride + keyHead * d; });
  float keyResult[kDims] = {}, valueResult[kDims] = {};
  const SegmentsOfRows range = segmentsOfRows(a.segments, first, end);
  for (int64_t s = range.first; s < range.end; s++) {
    const Segment segment = segmentAt(a.segments, s);
    if (!fits(segment, a.N)) continue;
    const KeysOfSegment keys(segment, first, end, a.window);
    if (!keys.any) continue;
    const int64_t place = key < end ? segment.place(key) : -1;
    for (int64_t head = keyHead * group; head < (keyHead + 1) * group; head++) {
      for (int64_t i0 = keys.firstQuery; i0 < keys.endQuery; i0 += kRows) {
        __syncthreads();
        const int64_t firstRow = segment.start + i0, count = keys.endQuery - i0;
        loadRows<kRows>(Q, d, count, [&](int i) { return q + (firstRow + i) * a.qStride + head * d; });
        loadRows<kRows>(dO, d, count, [&](int i) { return dout + ((firstRow + i) * a.H + head) * d; });
        if (tid < kRows) {
          const bool there = tid < count;
          const int64_t from = (firstRow + tid) * a.H + head;
          normalisers[tid] = there ? lse[from] : 0;
          deltas[tid] = there ? delta[from] : 0;
        }
        __syncthreads();
        float scores[kQueries] = {}, slopes[kQueries] = {};
        for (int c = 0; c < d; c++)
          for (int i = 0; i < kQueries; i++) {
            scores[i] = fmaf(K[r * ld + c], Q[(lane + kLanesOfRow * i) * ld + c], scores[i]);
            slopes[i] = fmaf(V[r * ld + c], dO[(lane + kLanesOfRow * i) * ld + c], slopes[i]);
          }
        for (int i = 0; i < kQueries; i++) {
          const int at = lane + kLanesOfRow * i;
          const int64_t query = i0 + at;
          const bool seen = place >= 0 && query < keys.endQuery && sees(segment.prefixLength + query, place, a.window);
          const float p = seen ? expf(scores[i] * a.scale - normalisers[at]) : 0;
          P[r * kRows + at] = p;
          dS[r * kRows + at] = p * (slopes[i] - deltas[at]) * a.scale;
        }
        __syncwarp();
        UNROLL
        for (int i = 0; i < kDims; i++) {
          const int c = lane + kLanesOfRow * i;
          if (c >= d) continue;
          float ofKey = keyResult[i], ofValue = valueResult[i];
          for (int j = 0; j < kRows; j++) {
            ofKey = fmaf(dS[r * kRows + j], Q[j * ld + c], ofKey);
            ofValue = fmaf(P[r * kRows + j], dO[j * ld + c], ofValue);
          }
          keyResult[i] = ofKey;
          valueResult[i] = ofValue;
        }
      }
    }
  }
  if (key >= end) return;
  UNROLL
  for (int i = 0; i < kDims; i++) {
    const int c = lane + kLanesOfRow * i;
    if (c >= d) continue;
    dk[(key * a.K + keyHead) * d + c] = keyResult[i];
    dv[(key * a.K + keyHead) * d + c] = valueResult[i];
  }
}

#define GRADIENT_KERNELS(rows, dims)                                                                                  \
  KERNEL queryGradient##rows(AttentionArguments a, const QueryTile* tiles, const float* q, const float* k,            \
                             const float* v, const float* lse, const float* delta, const float* dout, float* dq) {    \
    queryGradient<rows, dims>(a, tiles, q, k, v, lse, delta, dout, dq);                                               \
  }                                                                                                                   \
  KERNEL keyGradient##rows(AttentionArguments a, const float* q, const float* k, const float* v, const float* lse,    \
                           const float* delta, const float* dout, float* dk, float* dv) {                             \
    keyGradient<rows, dims>(a, q, k, v, lse, delta, dout, dk, dv);                                                    \
  }
GRADIENT_KERNELS(32, 16)
GRADIENT_KERNELS(16, 32)

#if BREVITY_HOST
namespace brevity {
namespace cuda {

// q, k, v and, from buffer `at` on, out, lse, dy, dq, dk, dv
static void attendGradient(const Launch& l, const AttentionArguments& a, int at) {
  const int64_t queries = a.N * a.H * a.d, keys = a.N * a.K * a.d;
  const float *q = l.floats(0, queries), *k = l.floats(1, keys), *v = l.floats(2, keys), *out = l.floats(at, queries),
              *lse = l.floats(at + 1, a.N * a.H), *dout = l.floats(at + 2, queries);
  float *dq = l.floats(at + 3, queries), *dk = l.floats(at + 4, keys), *dv = l.floats(at + 5, keys);
  if (queries == 0) return;
  // Rows that are in no segment. Every row is a key of the other pass.
  if (a.segments.uniform == 0) fillZeros(dq, queries);
  Scratch<float> delta(a.N * a.H);
  LAUNCH(attentionDelta, overElements(a.N * a.H * 32), out, dout, delta, a.N * a.H, a.d);
  const int rows = onTensorCores(a) ? kTileRows : tileRows(a.d);
  Scratch<QueryTile> tiles(tileCount(a, rows));
  planTiles(a, rows, tiles);
  if (tileCount(a, rows) == 0) {
    fillZeros(dk, keys);
    fillZeros(dv, keys);
    return;
  }
  if (onTensorCores(a)) return attentionGradMma(a, tiles, q, k, v, lse, delta, dout, dq, dk, dv);
  const auto threads = static_cast<unsigned>(rows * kLanesOfRow);
  const int64_t tile = rows * (a.d + 1), square = rows * rows, word = sizeof(float);
  const Geometry forQueries(dim3(gridSize(tileCount(a, rows)), static_cast<unsigned>(a.H)), threads,
                            (4 * tile + square) * word);
  const Geometry forKeys(dim3(gridSize(ceilDiv(a.N, rows)), static_cast<unsigned>(a.K)), threads,
                         (4 * tile + 2 * square + 2 * rows) * word);
  if (rows == 32) {
    LAUNCH(queryGradient32, forQueries, a, tiles, q, k, v, lse, delta, dout, dq);
    LAUNCH(keyGradient32, forKeys, a, q, k, v, lse, delta, dout, dk, dv);
  } else {
    LAUNCH(queryGradient16, forQueries, a, tiles, q, k, v, lse, delta, dout, dq);
    LAUNCH(keyGradient16, forKeys, a, q, k, v, lse, delta, dout, dk, dv);
  }
}

void attentionGradOps(OpTable& table) {
  // q, k, v, out, lse, dy, dq, dk, dv; B, T, H, K, d, scale, window
  table.push_back({"AttentionGrad", [](const Launch& l) { attendGradient(l, batchArguments(l), 3); }});
  // q, k, v, segments, out, lse, dy, dq, dk, dv; N, H, K, d, scale, window, S
  table.push_back({"PackedAttentionGrad", [](const Launch& l) { attendGradient(l, packedArguments(l, 3), 4); }});
}

}  // namespace cuda
}  // namespace brevity
#endif
