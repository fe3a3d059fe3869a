// Shared by attention's forward and backward pass: which keys a query sees, and blocks of keys and values packed for
// the product's register tile.
#pragma once
#include "attention.h"
#include "gemmTile.h"

namespace brevity {
namespace BREVITY_NS {

constexpr int64_t kKeys = 128;  // keys of a block
static_assert(kKeys % kColumns == 0, "a block is whole panels");

// Consecutive rows of keys, at positions from `position` on in a segment's sequence.
struct Run {
  int64_t row, length, position;
};

struct Segment {
  Run prefix, own;
};

BREVITY_INLINE Segment segmentOf(const AttentionSegments& segments, int64_t s) {
  int64_t before = segments.prefixLength == nullptr ? 0 : segments.prefixLength[s];
  return {{before > 0 ? segments.prefixStart[s] : 0, before, 0}, {segments.start[s], segments.length[s], before}};
}

// The keys [first, end) that the query at `query` sees in a block of n keys at `position`.
struct Seen {
  int64_t first, end;
};

BREVITY_INLINE Seen seenBy(int64_t query, int64_t position, int64_t n, int64_t window) {
  int64_t first = window > 0 ? query - window + 1 - position : 0;
  return {least(n, most(0, first)), most(0, least(n, query + 1 - position))};
}

// x [n, d], rows `stride` apart, as panels of row stride kColumns: [d, n] transposed, or [n, d] unchanged.
BREVITY_INLINE void packTurned(const float* x, int64_t stride, int64_t n, int64_t d, float* y) {
  for (int64_t j = 0; j < n; j += kColumns)
    packRows(x + j * stride, stride, d, least(kColumns, n - j), y + j * d, kColumns);
}
BREVITY_INLINE void packStraight(const float* x, int64_t stride, int64_t n, int64_t d, float* y) {
  for (int64_t j = 0; j < d; j += kColumns) packColumns(x + j, stride, n, least(kColumns, d - j), y + j * kKeys, kColumns);
}
// Floats of either layout for a block of kKeys rows.
BREVITY_INLINE int64_t packedSize(int64_t d) { return kKeys * blocksOf(d, kColumns) * kColumns; }

// c [rows ≤ kRows, n] (+)= a·b over K for a packed b whose panels are `panel` floats apart.
BREVITY_INLINE void rowsProduct(int64_t rows, int64_t n, int64_t K, Left a, const float* b, int64_t panel, float* c,
                                int64_t cStride, bool add) {
  for (int64_t j = 0; j < n; j += kColumns, b += panel)
    panelProduct(rows, least(kColumns, n - j), K, a, b, kColumns, c + j, cStride, add);
}

BREVITY_INLINE int64_t strideOf(int64_t given, int64_t dense) { return given > 0 ? given : dense; }

}  // namespace BREVITY_NS
}  // namespace brevity
