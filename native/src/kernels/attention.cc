#include "attention.h"

#include "../threads.h"
#include "attentionTile.h"
#include "math.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

constexpr int64_t kQueries = 192;  // rows per task
constexpr float kNever = -__builtin_inff();

struct Task {
  int32_t segment, first;
};

// Scores [kKeys] of a query → exp(score·scale - max), zero for keys that it does not see. Updates *max and *sum;
// returns the factor by which earlier sums must be multiplied.
float softmaxOn(float* scores, int64_t n, Seen seen, float scale, float* max, float* sum) {
  int64_t padded = blocksOf(n, W) * W;
  for (int64_t j = 0; j < seen.first; j++) scores[j] = kNever;
  for (int64_t j = most(seen.first, seen.end); j < padded; j++) scores[j] = kNever;
  vec best = splat(kNever);
  for (int64_t j = 0; j < padded; j += W) best = larger(best, load(scores + j));
  float largest = largestOf(best) * scale;
  if (seen.end <= seen.first) largest = kNever;
  float newMax = largest > *max ? largest : *max;
  if (newMax == kNever) {
    for (int64_t j = 0; j < padded; j += W) store(scores + j, zero());
    return 1.0f;
  }
  vec m = splat(newMax), factor = splat(scale), total = zero();
  for (int64_t j = 0; j < padded; j += W) {
    vec e = exponentialOf(fma(load(scores + j), factor, -m));
    store(scores + j, e);
    total = total + e;
  }
  float keep = *max == newMax ? 1.0f : __builtin_expf(*max - newMax);
  *max = newMax;
  *sum = *sum * keep + sumOf(total);
  return keep;
}

void scaleRow(float* x, int64_t d, float factor) {
  eachVector(d, [&](int64_t i, auto lanes) { lanes.put(x + i, lanes.get(x + i) * splat(factor)); });
}

// Queries [first, first + rows) of a segment, all heads of the key/value head c.
struct Forward {
  const AttentionShape& shape;
  const float *q, *k, *v;
  float *out, *lse;
  float *keys, *values, *max, *sum;  // scratch

  void block(const Segment& segment, Run run, int64_t j, int64_t n, int64_t c, int64_t first, int64_t rows, bool start) {
    int64_t d = shape.d, group = shape.H / shape.K, position = run.position + j;
    int64_t kStride = strideOf(shape.kStride, shape.K * d), vStride = strideOf(shape.vStride, shape.K * d);
    int64_t qStride = strideOf(shape.qStride, shape.H * d), oStride = shape.H * d;
    packTurned(k + (run.row + j) * kStride + c * d, kStride, n, d, keys);
    packStraight(v + (run.row + j) * vStride + c * d, vStride, n, d, values);
    float scores[kRows * kKeys];
    for (int64_t g = 0; g < group; g++) {
      int64_t h = c * group + g;
      for (int64_t i = 0; i < rows; i += kRows) {
        int64_t m = least(kRows, rows - i), row = segment.own.row + first + i;
        int64_t query = segment.own.position + first + i, wide = seenBy(query + m - 1, position, n, 0).end;
        float* o = out + row * oStride + h * d;
        // The first block writes every row, even if only zeros, so it is never skipped.
        if (wide == 0 && !start) continue;
        rowsProduct(m, wide, d, Left{q + row * qStride + h * d, qStride, false}, keys, d * kColumns, scores, kKeys, false);
        for (int64_t r = 0; r < m; r++) {
          int64_t at = g * kQueries + i + r;
          Seen seen = seenBy(query + r, position, wide, shape.window);
          float keep = softmaxOn(scores + r * kKeys, wide, seen, shape.scale, max + at, sum + at);
          if (!start && keep != 1.0f) scaleRow(o + r * oStride, d, keep);
        }
        rowsProduct(m, d, wide, Left{scores, kKeys, false}, values, kKeys * kColumns, o, oStride, !start);
      }
    }
  }

  void run(const Segment& segment, int64_t c, int64_t first, int64_t rows) {
    int64_t group = shape.H / shape.K, d = shape.d;
    for (int64_t at = 0; at < group * kQueries; at++) max[at] = kNever, sum[at] = 0;
    bool start = true;
    const Run runs[] = {segment.prefix, segment.own};
    for (const Run& run : runs)
      for (int64_t j = 0; j < run.length; j += kKeys) {
        int64_t n = least(kKeys, run.length - j), query = segment.own.position + first;
        n = seenBy(query + rows - 1, run.position + j, n, 0).end;
        // The first query's window begins before those of later queries.
        if (n == 0 || (shape.window > 0 && run.position + j + n <= query - shape.window + 1)) continue;
        block(segment, run, j, n, c, first, rows, start);
        start = false;
      }
    for (int64_t g = 0; g < group; g++)
      for (int64_t i = 0; i < rows; i++) {
        int64_t row = segment.own.row + first + i, h = c * group + g, at = g * kQueries + i;
        scaleRow(out + (row * shape.H + h) * d, d, 1.0f / sum[at]);
        lse[row * shape.H + h] = max[at] + __builtin_logf(sum[at]);
      }
  }
};

}  // namespace

void attention(const AttentionShape& shape, const AttentionSegments& segments, const float* q, const float* k,
               const float* v, float* out, float* lse) {
  int64_t N = shape.N, H = shape.H, K = shape.K, blocks = 0, covered = 0;
  if (N <= 0 || H <= 0) return;
  for (int64_t s = 0; s < segments.count; s++) {
    blocks += blocksOf(segments.length[s], kQueries);
    covered += segments.length[s];
  }
  int64_t group = H / K, packed = packedSize(shape.d), buffer = 2 * packed + 2 * group * kQueries, tasks = blocks * K;
  int workers = workersFor(tasks);
  Scratch list(2 * blocks), scratch(workers * buffer);
  if (covered < N) {
    std::memset(out, 0, sizeof(float) * static_cast<size_t>(N * H * shape.d));
    std::memset(lse, 0, sizeof(float) * static_cast<size_t>(N * H));
  }
  Task* listed = reinterpret_cast<Task*>(list.data());
  for (int64_t s = 0, at = 0; s < segments.count; s++)
    for (int32_t first = 0; first < segments.length[s]; first += kQueries) listed[at++] = {static_cast<int32_t>(s), first};
  parallel(tasks, workers, [&](int64_t task, int worker) {
    const Task& at = listed[task / K];
    float* memory = scratch.data() + worker * buffer;
    Forward forward{shape, q, k, v, out, lse, memory, memory + packed, memory + 2 * packed,
                    memory + 2 * packed + group * kQueries};
    int64_t rows = least(kQueries, segments.length[at.segment] - at.first);
    forward.run(segmentOf(segments, at.segment), task % K, at.first, rows);
  });
}

}  // namespace BREVITY_NS
}  // namespace brevity
