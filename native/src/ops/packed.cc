// Attention over packed rows whose segments share prefixes, and its one-token form over a prompt that is stored once. A
// comment on each op lists its buffers, then its params. Shape legend: src/model/types.ts.
#include <vector>

#include "../kernels/attention.h"
#include "table.h"

namespace brevity {
namespace {

void expectHeads(const Launch& l, int64_t H, int64_t K) {
  if (K < 1 || H % K != 0) l.fail("needs a multiple of key heads as query heads");
}

// Rows of `segments` [S, 4] int32: first row, length, first row and length of the prefix.
struct Packed {
  std::vector<int32_t> columns[4];
  AttentionSegments segments;
  AttentionShape shape;
  int64_t queries, keys;

  // Params: N, H, K, d, scale, window, S
  Packed(const Launch& l, int buffer) {
    shape.N = l.count(0);
    shape.H = l.count(1);
    shape.K = l.count(2);
    shape.d = l.count(3);
    shape.scale = static_cast<float>(l.number(4));
    shape.window = l.count(5);
    const int64_t S = l.count(6);
    expectHeads(l, shape.H, shape.K);
    const int32_t* rows = l.ints(buffer, 4 * S);
    for (int c = 0; c < 4; c++) {
      columns[c].resize(static_cast<size_t>(S));
      for (int64_t s = 0; s < S; s++) columns[c][s] = rows[4 * s + c];
    }
    for (int64_t s = 0; s < S; s++) {
      const int64_t start = columns[0][s], length = columns[1][s], prefix = columns[2][s], shared = columns[3][s];
      if (start < 0 || length < 0 || start + length > shape.N) l.fail("has a segment beyond its rows");
      if (prefix < 0 || shared < 0 || (shared > 0 && prefix + shared > start))
        l.fail("has a prefix that does not come before its segment");
    }
    segments = {S, columns[0].data(), columns[1].data(), columns[2].data(), columns[3].data()};
    queries = shape.N * shape.H * shape.d;
    keys = shape.N * shape.K * shape.d;
  }
};

// q, k, v, segments, out, lse; N, H, K, d, scale, window, S
void packedAttentionOp(const Launch& l) {
  const Packed p(l, 3);
  attention(p.shape, p.segments, l.floats(0, p.queries), l.floats(1, p.keys), l.floats(2, p.keys),
            l.floats(4, p.queries), l.floats(5, p.shape.N * p.shape.H));
}

// q, k, v, segments, out, lse, dy, dq, dk, dv; the same
void packedAttentionGradOp(const Launch& l) {
  const Packed p(l, 3);
  attentionGrad(p.shape, p.segments, l.floats(0, p.queries), l.floats(1, p.keys), l.floats(2, p.keys),
                l.floats(4, p.queries), l.floats(5, p.shape.N * p.shape.H), l.floats(6, p.queries),
                l.floats(7, p.queries), l.floats(8, p.keys), l.floats(9, p.keys));
}

// q, k, v, keys, values, lengths, prefixKeys, prefixValues, prefixIndex, prefixLengths, out; B, H, K, d, capacity, scale,
// window, P, prefixCapacity. Writes keys and values in place.
void prefixAttentionDecodeOp(const Launch& l) {
  AttentionDecode step;
  step.B = l.count(0);
  step.H = l.count(1);
  step.K = l.count(2);
  step.d = l.count(3);
  step.capacity = l.count(4);
  step.scale = static_cast<float>(l.number(5));
  step.window = l.count(6);
  const int64_t P = l.count(7);
  step.prefixCapacity = l.count(8);
  expectHeads(l, step.H, step.K);
  const int64_t row = step.B * step.K * step.d, prefix = P * step.K * step.prefixCapacity * step.d;
  step.q = l.floats(0, step.B * step.H * step.d);
  step.k = l.floats(1, row);
  step.v = l.floats(2, row);
  step.keys = l.floats(3, row * step.capacity);
  step.values = l.floats(4, row * step.capacity);
  step.lengths = l.ints(5, step.B);
  step.prefixKeys = l.floats(6, prefix);
  step.prefixValues = l.floats(7, prefix);
  step.prefixIndex = l.ints(8, step.B);
  step.prefixLengths = l.ints(9, P);
  for (int64_t b = 0; b < step.B; b++) {
    if (step.lengths[b] < 0 || step.lengths[b] >= step.capacity) l.fail("has no room left in its cache");
    if (step.prefixIndex[b] < -1 || step.prefixIndex[b] >= P) l.fail("has a row of no prompt");
  }
  for (int64_t p = 0; p < P; p++)
    if (step.prefixLengths[p] < 0 || step.prefixLengths[p] > step.prefixCapacity) l.fail("has a prompt beyond its cache");
  step.out = l.floats(10, step.B * step.H * step.d);
  attentionDecode(step);
}

}  // namespace

void addPackedOps(OpTable& table) {
  table.push_back({"PackedAttention", packedAttentionOp});
  table.push_back({"PackedAttentionGrad", packedAttentionGradOp});
  table.push_back({"PrefixAttentionDecode", prefixAttentionDecodeOp});
}

}  // namespace brevity
