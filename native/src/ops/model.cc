// The fused ops of a transformer's forward and backward pass. A comment on each op lists its buffers, then its params.
// Shape legend: src/model/types.ts.

#include "../kernels/activations.h"
#include "../kernels/attention.h"
#include "../kernels/layerNorm.h"
#include "../kernels/rmsNorm.h"
#include "../kernels/rope.h"
#include "table.h"

namespace brevity {
namespace {

// x, w, y; N, D, eps
void rmsNormOp(const Launch& l) {
  const int64_t N = l.count(0), D = l.count(1);
  rmsNorm(l.floats(0, N * D), l.floats(1, D), l.floats(2, N * D), N, D, static_cast<float>(l.number(2)));
}

// x, w, dy, dx, dw; N, D, eps
void rmsNormGradOp(const Launch& l) {
  const int64_t N = l.count(0), D = l.count(1), n = N * D;
  rmsNormGrad(l.floats(0, n), l.floats(1, D), l.floats(2, n), l.floats(3, n), l.floats(4, D), N, D,
              static_cast<float>(l.number(2)));
}

// x, w, b, y; N, D, eps
void layerNormOp(const Launch& l) {
  const int64_t N = l.count(0), D = l.count(1), n = N * D;
  layerNorm(l.floats(0, n), l.floats(1, D), l.floats(2, D), l.floats(3, n), N, D, static_cast<float>(l.number(2)));
}

// x, w, dy, dx, dw, db; N, D, eps
void layerNormGradOp(const Launch& l) {
  const int64_t N = l.count(0), D = l.count(1), n = N * D;
  layerNormGrad(l.floats(0, n), l.floats(1, D), l.floats(2, n), l.floats(3, n), l.floats(4, D), l.floats(5, D), N, D,
                static_cast<float>(l.number(2)));
}

// x, positions, cos, sin, y; N, heads, d, half, rows of the tables, sign
void ropeOp(const Launch& l) {
  const int64_t N = l.count(0), heads = l.count(1), d = l.count(2), half = l.count(3), rows = l.count(4);
  const int32_t* positions = l.ints(1, N);
  for (int64_t i = 0; i < N; i++)
    if (positions[i] < 0 || positions[i] >= rows) l.fail("has a position beyond its tables");
  if (2 * half > d) l.fail("rotates more than a head");
  rope(l.floats(0, N * heads * d), positions, l.floats(2, rows * half), l.floats(3, rows * half),
       l.floats(4, N * heads * d), N, heads, d, half, static_cast<float>(l.number(5)));
}

// gate, up, y; n
void swigluOp(const Launch& l) {
  const int64_t n = l.count(0);
  swiglu(l.floats(0, n), l.floats(1, n), l.floats(2, n), n);
}

// gate, up, dy, dgate, dup; n
void swigluGradOp(const Launch& l) {
  const int64_t n = l.count(0);
  swigluGrad(l.floats(0, n), l.floats(1, n), l.floats(2, n), l.floats(3, n), l.floats(4, n), n);
}

// x, y; n
void geluOp(const Launch& l) {
  const int64_t n = l.count(0);
  gelu(l.floats(0, n), l.floats(1, n), n);
}
void geluTanhOp(const Launch& l) {
  const int64_t n = l.count(0);
  geluTanh(l.floats(0, n), l.floats(1, n), n);
}

// x, dy, dx; n
void geluGradOp(const Launch& l) {
  const int64_t n = l.count(0);
  geluGrad(l.floats(0, n), l.floats(1, n), l.floats(2, n), n);
}
void geluTanhGradOp(const Launch& l) {
  const int64_t n = l.count(0);
  geluTanhGrad(l.floats(0, n), l.floats(1, n), l.floats(2, n), n);
}

// B rows of T positions each.
struct Batch {
  std::vector<int32_t> start, length;
  AttentionSegments segments;
  AttentionShape shape;
  int64_t queries, keys;

  // Params: B, T, H, K, d, scale, window
  explicit Batch(const Launch& l) {
    const int64_t B = l.count(0), T = l.count(1);
    if (B * T > INT32_MAX) l.fail("takes up to 2³¹ positions");
    start.resize(static_cast<size_t>(B));
    length.assign(static_cast<size_t>(B), static_cast<int32_t>(T));
    for (int64_t b = 0; b < B; b++) start[b] = static_cast<int32_t>(b * T);
    segments.count = B;
    segments.start = start.data();
    segments.length = length.data();
    shape.N = B * T;
    shape.H = l.count(2);
    shape.K = l.count(3);
    shape.d = l.count(4);
    if (shape.K < 1 || shape.H % shape.K != 0) l.fail("needs a multiple of key heads as query heads");
    shape.scale = static_cast<float>(l.number(5));
    shape.window = l.count(6);
    queries = shape.N * shape.H * shape.d;
    keys = shape.N * shape.K * shape.d;
  }
};

// q, k, v, out, lse; B, T, H, K, d, scale, window
void attentionOp(const Launch& l) {
  const Batch batch(l);
  attention(batch.shape, batch.segments, l.floats(0, batch.queries), l.floats(1, batch.keys), l.floats(2, batch.keys),
            l.floats(3, batch.queries), l.floats(4, batch.shape.N * batch.shape.H));
}

// q, k, v, out, lse, dy, dq, dk, dv; the same
void attentionGradOp(const Launch& l) {
  const Batch batch(l);
  attentionGrad(batch.shape, batch.segments, l.floats(0, batch.queries), l.floats(1, batch.keys),
                l.floats(2, batch.keys), l.floats(3, batch.queries), l.floats(4, batch.shape.N * batch.shape.H),
                l.floats(5, batch.queries), l.floats(6, batch.queries), l.floats(7, batch.keys),
                l.floats(8, batch.keys));
}

// q, k, v, keys, values, lengths, out; B, H, K, d, capacity, scale, window. Writes keys and values in place.
void attentionDecodeOp(const Launch& l) {
  AttentionDecode step;
  step.B = l.count(0);
  step.H = l.count(1);
  step.K = l.count(2);
  step.d = l.count(3);
  step.capacity = l.count(4);
  step.scale = static_cast<float>(l.number(5));
  step.window = l.count(6);
  if (step.K < 1 || step.H % step.K != 0) l.fail("needs a multiple of key heads as query heads");
  const int64_t row = step.B * step.K * step.d;
  step.q = l.floats(0, step.B * step.H * step.d);
  step.k = l.floats(1, row);
  step.v = l.floats(2, row);
  step.keys = l.floats(3, row * step.capacity);
  step.values = l.floats(4, row * step.capacity);
  step.lengths = l.ints(5, step.B);
  for (int64_t b = 0; b < step.B; b++)
    if (step.lengths[b] < 0 || step.lengths[b] >= step.capacity) l.fail("has no room left in its cache");
  step.out = l.floats(6, step.B * step.H * step.d);
  attentionDecode(step);
}

// x, cache; B, T, K, d, capacity
void fillCacheOp(const Launch& l) {
  const int64_t B = l.count(0), T = l.count(1), K = l.count(2), d = l.count(3), capacity = l.count(4);
  if (T > capacity) l.fail("has more positions than its cache holds");
  fillCache(l.floats(0, B * T * K * d), l.floats(1, B * K * capacity * d), B, T, K, d, capacity);
}

}  // namespace

void addModelOps(OpTable& table) {
  table.push_back({"RmsNorm", rmsNormOp});
  table.push_back({"RmsNormGrad", rmsNormGradOp});
  table.push_back({"LayerNorm", layerNormOp});
  table.push_back({"LayerNormGrad", layerNormGradOp});
  table.push_back({"Rope", ropeOp});
  table.push_back({"Swiglu", swigluOp});
  table.push_back({"SwigluGrad", swigluGradOp});
  table.push_back({"Gelu", geluOp});
  table.push_back({"GeluGrad", geluGradOp});
  table.push_back({"GeluTanh", geluTanhOp});
  table.push_back({"GeluTanhGrad", geluTanhGradOp});
  table.push_back({"Attention", attentionOp});
  table.push_back({"AttentionGrad", attentionGradOp});
  table.push_back({"AttentionDecode", attentionDecodeOp});
  table.push_back({"FillCache", fillCacheOp});
}

}  // namespace brevity
