#include "../threads.h"
#include "attention.h"
#include "attentionTile.h"
#include "math.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

constexpr int64_t kQueries = 96;  // rows per block
static_assert(kQueries <= kKeys, "packStraight lays out up to kKeys rows");
// If tasks by key/value head are fewer than this, each query head is a task, and the keys' gradients are summed
// afterwards.
constexpr int64_t kFewTasks = 16;

// Segments whose rows or prefixes overlap, directly or through others, write the same gradients, so one task takes them
// all. family [count] receives each segment's family, numbered by first segments; returns the number of families.
int64_t familiesOf(const AttentionSegments& segments, int32_t* family) {
  int64_t count = segments.count;
  auto overlap = [](const Run& a, const Run& b) {
    return a.length > 0 && b.length > 0 && a.row < b.row + b.length && b.row < a.row + a.length;
  };
  int64_t families = 0;
  for (int64_t s = 0; s < count; s++) {
    Segment one = segmentOf(segments, s);
    int32_t mine = -1;
    for (int64_t t = 0; t < s; t++) {
      Segment other = segmentOf(segments, t);
      bool joined = overlap(one.prefix, other.prefix) || overlap(one.prefix, other.own) ||
                    overlap(one.own, other.prefix) || overlap(one.own, other.own);
      if (!joined || family[t] == mine) continue;
      if (mine < 0) {
        mine = family[t];
        continue;
      }
      // Merges two families.
      int32_t kept = mine < family[t] ? mine : family[t], gone = mine < family[t] ? family[t] : mine;
      for (int64_t u = 0; u < s; u++) {
        if (family[u] == gone) family[u] = kept;
        if (family[u] > gone) family[u]--;
      }
      families--;
      mine = kept;
    }
    family[s] = mine < 0 ? static_cast<int32_t>(families++) : mine;
  }
  return families;
}

struct Backward {
  const AttentionShape& shape;
  const float *q, *k, *v, *out, *lse, *dout;
  float* dq;
  float *dk, *dv;  // rows keyStride apart, of the key/value head
  int64_t keyStride;
  float *keysTurned, *valuesTurned, *keys, *P, *S, *queries, *gradients;  // scratch

  // Rows of x [n, d] as the right operand of a product: x itself if its rows are whole vectors, else a copy.
  const float* rightOf(const float* x, int64_t stride, int64_t n, float* copy, int64_t* outStride, int64_t* panel) const {
    if (shape.d % W == 0) {
      *outStride = stride, *panel = kColumns;
      return x;
    }
    packStraight(x, stride, n, shape.d, copy);
    *outStride = kColumns, *panel = kKeys * kColumns;
    return copy;
  }

  // P and dS [rows, kKeys] for n keys at `position` and the queries from `first` on; adds their part to dq.
  void queryBlock(const Segment& segment, int64_t h, int64_t position, int64_t n, int64_t first, int64_t rows) const {
    int64_t d = shape.d, qStride = strideOf(shape.qStride, shape.H * d), oStride = shape.H * d;
    for (int64_t i = 0; i < rows; i += kRows) {
      int64_t m = least(kRows, rows - i), row = segment.own.row + first + i, query = segment.own.position + first + i;
      int64_t wide = seenBy(query + m - 1, position, n, 0).end, padded = blocksOf(n, W) * W;
      float *p = P + i * kKeys, *s = S + i * kKeys;
      const float* dy = dout + row * oStride + h * d;
      rowsProduct(m, wide, d, Left{q + row * qStride + h * d, qStride, false}, keysTurned, d * kColumns, p, kKeys, false);
      rowsProduct(m, wide, d, Left{dy, oStride, false}, valuesTurned, d * kColumns, s, kKeys, false);
      for (int64_t r = 0; r < m; r++, p += kKeys, s += kKeys) {
        const float *o = out + (row + r) * oStride + h * d, *g = dy + r * oStride;
        float delta = sumOver(d, [&](int64_t x, auto lanes) { return lanes.get(o + x) * lanes.get(g + x); });
        Seen seen = seenBy(query + r, position, wide, shape.window);
        vec scale = splat(shape.scale), off = splat(-lse[(row + r) * shape.H + h]), minus = splat(delta);
        // Stale lanes may hold anything, even NaN; they are overwritten below.
        for (int64_t j = seen.first / W * W; j < seen.end; j += W) {
          vec e = exponentialOf(fma(load(p + j), scale, off));
          store(p + j, e);
          store(s + j, e * (load(s + j) - minus) * scale);
        }
        for (int64_t j = 0; j < seen.first; j++) p[j] = s[j] = 0;
        for (int64_t j = most(seen.first, seen.end); j < padded; j++) p[j] = s[j] = 0;
      }
      rowsProduct(m, d, wide, Left{S + i * kKeys, kKeys, false}, keys, kKeys * kColumns,
                  dq + row * oStride + h * d, oStride, true);
    }
  }

  // dk and dv of n keys from `row` on: dSᵀ·q and Pᵀ·dout over the block's queries.
  void keyBlock(const Segment& segment, int64_t h, int64_t row, int64_t position, int64_t n, int64_t first,
                int64_t rows) const {
    int64_t d = shape.d, at = segment.own.row + first, query = segment.own.position + first;
    int64_t qs, qPanel, gs, gPanel;
    const float* qRows = rightOf(q + at * strideOf(shape.qStride, shape.H * d) + h * d,
                                 strideOf(shape.qStride, shape.H * d), rows, queries, &qs, &qPanel);
    const float* gRows = rightOf(dout + (at * shape.H + h) * d, shape.H * d, rows, gradients, &gs, &gPanel);
    for (int64_t j = 0; j < n; j += kRows) {
      int64_t m = least(kRows, n - j);
      // Queries before the key do not see it.
      int64_t skip = most(0, position + j - query);
      if (skip >= rows) break;
      for (int64_t x = 0; x < d; x += kColumns) {
        int64_t wide = least(kColumns, d - x), q0 = x / kColumns * qPanel + skip * qs, g0 = x / kColumns * gPanel + skip * gs;
        panelProduct(m, wide, rows - skip, Left{S + skip * kKeys + j, kKeys, true}, qRows + q0, qs,
                     dk + (row + j) * keyStride + x, keyStride, true);
        panelProduct(m, wide, rows - skip, Left{P + skip * kKeys + j, kKeys, true}, gRows + g0, gs,
                     dv + (row + j) * keyStride + x, keyStride, true);
      }
    }
  }

  void segment(const Segment& segment, int64_t c, int64_t h) const {
    int64_t d = shape.d, kStride = strideOf(shape.kStride, shape.K * d), vStride = strideOf(shape.vStride, shape.K * d);
    const Run runs[] = {segment.prefix, segment.own};
    for (const Run& run : runs)
      for (int64_t j = 0; j < run.length; j += kKeys) {
        int64_t n = least(kKeys, run.length - j), row = run.row + j, position = run.position + j;
        const float *keyRows = k + row * kStride + c * d, *valueRows = v + row * vStride + c * d;
        packTurned(keyRows, kStride, n, d, keysTurned);
        packTurned(valueRows, vStride, n, d, valuesTurned);
        packStraight(keyRows, kStride, n, d, keys);
        for (int64_t first = 0; first < segment.own.length; first += kQueries) {
          int64_t rows = least(kQueries, segment.own.length - first), query = segment.own.position + first;
          if (position > query + rows - 1) continue;
          if (shape.window > 0 && position + n <= query - shape.window + 1) continue;
          queryBlock(segment, h, position, n, first, rows);
          keyBlock(segment, h, row, position, n, first, rows);
        }
      }
  }
};

void clear(float* x, int64_t n) { std::memset(x, 0, sizeof(float) * static_cast<size_t>(n)); }

}  // namespace

void attentionGrad(const AttentionShape& shape, const AttentionSegments& segments, const float* q, const float* k,
                   const float* v, const float* out, const float* lse, const float* dout, float* dq, float* dk,
                   float* dv) {
  int64_t N = shape.N, H = shape.H, K = shape.K, d = shape.d, count = segments.count;
  if (N <= 0 || H <= 0) return;
  Scratch list(count);
  int32_t* family = reinterpret_cast<int32_t*>(list.data());
  int64_t families = familiesOf(segments, family), group = H / K;
  bool byHead = group > 1 && families * K < kFewTasks;
  int64_t heads = byHead ? H : K, tasks = families * heads;
  int64_t packed = packedSize(d);
  int64_t buffer = 3 * packed + 2 * kQueries * kKeys + 2 * packed;
  int workers = workersFor(tasks);
  Scratch scratch(workers * buffer), partial(byHead ? 2 * N * H * d : 0);
  float *dkHeads = byHead ? partial.data() : dk, *dvHeads = byHead ? partial.data() + N * H * d : dv;
  clear(dq, N * H * d);
  clear(dkHeads, N * heads * d);
  clear(dvHeads, N * heads * d);
  parallel(tasks, workers, [&](int64_t task, int worker) {
    int64_t which = task / heads, head = task % heads, c = byHead ? head / group : head;
    float* m = scratch.data() + worker * buffer;
    float *P = m + 3 * packed, *S = P + kQueries * kKeys, *copies = S + kQueries * kKeys;
    Backward backward{shape,      q, k, v, out, lse, dout, dq, dkHeads + head * d, dvHeads + head * d,
                      heads * d, m, m + packed, m + 2 * packed, P, S, copies, copies + packed};
    for (int64_t h = byHead ? head : c * group; h < (byHead ? head + 1 : (c + 1) * group); h++)
      for (int64_t s = 0; s < count; s++)
        if (family[s] == which) backward.segment(segmentOf(segments, s), c, h);
  });
  if (!byHead) return;
  int64_t rows = rowsOfTask(H * d), sums = blocksOf(N, rows);
  parallel(sums, workersFor(sums), [&](int64_t task, int) {
    for (int64_t at = task * rows * K; at < least(N, (task + 1) * rows) * K; at++)
      for (int64_t g = 0; g < group; g++)
        eachVector(d, [&](int64_t x, auto lanes) {
          int64_t from = (at * group + g) * d + x, to = at * d + x;
          lanes.put(dk + to, g > 0 ? lanes.get(dk + to) + lanes.get(dkHeads + from) : lanes.get(dkHeads + from));
          lanes.put(dv + to, g > 0 ? lanes.get(dv + to) + lanes.get(dvHeads + from) : lanes.get(dvHeads + from));
        });
  });
}

}  // namespace BREVITY_NS
}  // namespace brevity
