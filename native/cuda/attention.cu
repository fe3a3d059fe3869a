// Causal attention over packed segments in tiles (arXiv 2205.14135; ../src/kernels/attention.h): a block for a tile of
// queries of one head, which walks over its keys and keeps the softmax's running maximum and sum. Float32 throughout.
//
// Products in bf16 have kernels on tensor cores: attentionMma.cu.
#include "segments.h"

// tiles: segment after segment; the rest of the array is none.
KERNEL planQueryTiles(AttentionArguments a, QueryTile* tiles, int64_t most, int rows, Fault* fault) {
  int64_t at = 0;
  for (int64_t s = 0; s < a.segments.count; s++) {
    const Segment segment = segmentAt(a.segments, s);
    if (!fits(segment, a.N)) {
      if (threadIdx.x == 0) report(fault, segmentFault, static_cast<int32_t>(s), a.N);
      continue;
    }
    const int64_t here = (segment.length + rows - 1) / rows;
    for (int64_t i = threadIdx.x; i < here && at + i < most; i += kThreads)
      tiles[at + i] = QueryTile{static_cast<int32_t>(s), static_cast<int32_t>(i * rows)};
    at += here;
  }
  for (int64_t i = at + threadIdx.x; i < most; i += kThreads) tiles[i] = QueryTile{-1, 0};
}

// kRows queries and as many keys at a time; kDims·8 is the most that d may be.
template <int kRows, int kDims>
DEVICE void attendTile(const AttentionArguments& a, const QueryTile* tiles, const float* q, const float* k, const float* v,
                   float* out, float* lse) {
  constexpr int kKeys = kRows / kLanesOfRow;
  SHARED_MEMORY(float, memory);
  const QueryTile tile = tiles[blockIdx.x];
  if (tile.segment < 0) return;
  const QuerySpan span(a, tile, kRows);
  const int d = static_cast<int>(a.d), ld = d + 1, tid = threadIdx.x;
  const int64_t head = blockIdx.y, keyHead = head / (a.H / a.K);
  float *Q = memory, *K = Q + kRows * ld, *V = K + kRows * ld, *P = V + kRows * ld;
  const int r = tid / kLanesOfRow, lane = tid % kLanesOfRow;
  const int64_t query = span.firstRow + r, place = span.firstPlace + r;
  loadRows<kRows>(Q, d, span.rows, [&](int i) { return q + (span.firstRow + i) * a.qStride + head * d; });
  float most = -INFINITE, sum = 0, result[kDims] = {};
  for (int64_t j0 = span.begin; j0 < span.end; j0 += kRows) {
    __syncthreads();
    loadRows<kRows>(K, d, span.end - j0, [&](int i) { return k + span.segment.row(j0 + i) * a.kStride + keyHead * d; });
    loadRows<kRows>(V, d, span.end - j0, [&](int i) { return v + span.segment.row(j0 + i) * a.vStride + keyHead * d; });
    __syncthreads();
    float scores[kKeys] = {};
    for (int c = 0; c < d; c++)
      for (int i = 0; i < kKeys; i++) scores[i] = fmaf(Q[r * ld + c], K[(lane + kLanesOfRow * i) * ld + c], scores[i]);
    float larger = most;
    for (int i = 0; i < kKeys; i++) {
      const int64_t key = j0 + lane + kLanesOfRow * i;
      scores[i] = key < span.end && sees(place, key, a.window) ? scores[i] * a.scale : -INFINITE;
      larger = fmaxf(larger, scores[i]);
    }
    larger = largestOfRow<kLanesOfRow>(larger);
    // Nothing seen yet: every weight is 0.
    const float base = larger == -INFINITE ? 0 : larger;
    const float kept = expf(most - base);
    float added = 0;
    for (int i = 0; i < kKeys; i++) {
      const float p = expf(scores[i] - base);
      P[r * kRows + lane + kLanesOfRow * i] = p;
      added += p;
    }
    sum = sum * kept + sumOfRow<kLanesOfRow>(added);
    most = larger;
    __syncwarp();
    UNROLL
    for (int i = 0; i < kDims; i++) {
      const int c = lane + kLanesOfRow * i;
      if (c >= d) continue;
      float total = result[i] * kept;
      for (int j = 0; j < kRows; j++) total = fmaf(P[r * kRows + j], V[j * ld + c], total);
      result[i] = total;
    }
  }
  if (r >= span.rows) return;
  UNROLL
  for (int i = 0; i < kDims; i++) {
    const int c = lane + kLanesOfRow * i;
    if (c < d) out[(query * a.H + head) * d + c] = result[i] / sum;
  }
  if (lane == 0) lse[query * a.H + head] = most + logf(sum);
}

KERNEL attention32(AttentionArguments a, const QueryTile* tiles, const float* q, const float* k, const float* v,
                   float* out, float* lse) {
  attendTile<32, 16>(a, tiles, q, k, v, out, lse);
}
KERNEL attention16(AttentionArguments a, const QueryTile* tiles, const float* q, const float* k, const float* v,
                   float* out, float* lse) {
  attendTile<16, 32>(a, tiles, q, k, v, out, lse);
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {

// Params: H, K, d, scale, window from `at` on.
static AttentionArguments headsAt(const Launch& l, int at) {
  AttentionArguments a{};
  a.H = l.count(at);
  a.K = l.count(at + 1);
  a.d = l.count(at + 2);
  a.scale = static_cast<float>(l.number(at + 3));
  a.window = l.count(at + 4);
  if (a.K < 1 || a.H % a.K != 0) l.fail("needs a multiple of key heads as query heads");
  if (a.d > 256) l.fail("takes heads of up to 256 dimensions on this device");
  if (a.H > 65535) l.fail("takes up to 65535 heads");
  a.qStride = a.H * a.d;
  a.kStride = a.vStride = a.K * a.d;
  return a;
}

// B, T, H, K, d, scale, window
AttentionArguments batchArguments(const Launch& l) {
  AttentionArguments a = headsAt(l, 2);
  a.segments.count = l.count(0);
  a.segments.uniform = l.count(1);
  a.N = a.segments.count * a.segments.uniform;
  if (a.N > INT32_MAX) l.fail("takes up to 2^31 positions");
  return a;
}

// N, H, K, d, scale, window, S
AttentionArguments packedArguments(const Launch& l, int tableBuffer) {
  AttentionArguments a = headsAt(l, 1);
  a.N = l.count(0);
  a.segments.count = l.count(6);
  a.segments.table = l.ints(tableBuffer, 4 * a.segments.count);
  if (a.N > INT32_MAX) l.fail("takes up to 2^31 positions");
  return a;
}

int64_t tileCount(const AttentionArguments& a, int rows) {
  if (a.segments.uniform > 0) return a.segments.count * ceilDiv(a.segments.uniform, rows);
  return a.N / rows + a.segments.count;
}

void planTiles(const AttentionArguments& a, int rows, QueryTile* tiles) {
  if (tileCount(a, rows) == 0) return;
  LAUNCH(planQueryTiles, Geometry(1, kThreads), a, tiles, tileCount(a, rows), rows,
         static_cast<Fault*>(stream().fault()));
}

// q, k, v and, from buffer `out` on, out and lse
static void attend(const Launch& l, const AttentionArguments& a, int outBuffer) {
  const int64_t queries = a.N * a.H * a.d, keys = a.N * a.K * a.d;
  const float *q = l.floats(0, queries), *k = l.floats(1, keys), *v = l.floats(2, keys);
  float *out = l.floats(outBuffer, queries), *lse = l.floats(outBuffer + 1, a.N * a.H);
  if (queries == 0) return;
  if (a.segments.uniform == 0) {
    // Rows that are in no segment.
    fillZeros(out, queries);
    fillZeros(lse, a.N * a.H);
  }
  const int rows = onTensorCores(a) ? kTileRows : tileRows(a.d);
  Scratch<QueryTile> tiles(tileCount(a, rows));
  planTiles(a, rows, tiles);
  if (tileCount(a, rows) == 0) return;
  if (onTensorCores(a)) return attentionMma(a, tiles, q, k, v, out, lse);
  const dim3 grid(gridSize(tileCount(a, rows)), static_cast<unsigned>(a.H));
  const Geometry geometry(grid, static_cast<unsigned>(rows * kLanesOfRow),
                          (3 * rows * (a.d + 1) + rows * rows) * static_cast<int64_t>(sizeof(float)));
  if (rows == 32) LAUNCH(attention32, geometry, a, tiles, q, k, v, out, lse);
  else LAUNCH(attention16, geometry, a, tiles, q, k, v, out, lse);
}

void attentionOps(OpTable& table) {
  // q, k, v, out, lse; B, T, H, K, d, scale, window
  table.push_back({"Attention", [](const Launch& l) { attend(l, batchArguments(l), 3); }});
  // q, k, v, segments, out, lse; N, H, K, d, scale, window, S
  table.push_back({"PackedAttention", [](const Launch& l) { attend(l, packedArguments(l, 3), 4); }});
}

}  // namespace cuda
}  // namespace brevity
#endif
