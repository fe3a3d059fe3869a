// Causal attention with grouped queries (arXiv 2305.13245) over packed sequences that may share a prefix, forward and
// backward in tiles (arXiv 2205.14135), and its one-token form over a cache. src/tensor/ops/attention.ts.
#pragma once
#include "kernel.h"

namespace brevity {

// The rows of all sequences are concatenated without padding: N rows in all. Segment s is the rows [start[s], start[s]
// + length[s]); its queries attend to the keys of its prefix, the rows [prefixStart[s], prefixStart[s] +
// prefixLength[s]), all of which come before it, and to its own keys up to themselves. A prompt is a segment without
// prefix, each of its responses a segment with the prompt's rows as prefix; a padded batch [B, T] is B segments of T
// rows. Segments must not overlap; rows in no segment get zeros. prefixStart and prefixLength may be null: no prefixes.
struct AttentionSegments {
  int64_t count = 0;
  const int32_t* start = nullptr;
  const int32_t* length = nullptr;
  const int32_t* prefixStart = nullptr;
  const int32_t* prefixLength = nullptr;
};

struct AttentionShape {
  int64_t N = 0;          // rows
  int64_t H = 0, K = 0;   // query heads, key/value heads; K divides H
  int64_t d = 0;          // head size
  float scale = 1;        // usually 1/√d
  int64_t window = 0;     // keys a query sees, itself included, counting prefix and own rows as one sequence; 0: all
  // Floats between rows, 0 if dense (H·d and K·d): lets q, k and v be columns of one product [N, (H + 2K)·d].
  int64_t qStride = 0, kStride = 0, vStride = 0;
};

// q, out [N, H, d]; k, v [N, K, d]; lse [N, H] is the log of the softmax's normaliser, for the backward pass. out is
// always dense.
BREVITY_KERNEL(attention, (const AttentionShape& shape, const AttentionSegments& segments, const float* q,
                           const float* k, const float* v, float* out, float* lse));

// Gradients of `attention` for dout [N, H, d], written (not added): dq [N, H, d], dk and dv [N, K, d], dense. A
// prefix's keys sum the gradients of all its segments, in the segments' order.
BREVITY_KERNEL(attentionGrad, (const AttentionShape& shape, const AttentionSegments& segments, const float* q,
                               const float* k, const float* v, const float* out, const float* lse, const float* dout,
                               float* dq, float* dk, float* dv));

// One new token per row.
struct AttentionDecode {
  int64_t B = 0, H = 0, K = 0, d = 0;
  int64_t capacity = 0;  // positions that a row's cache holds
  float scale = 1;
  int64_t window = 0;
  const float* q = nullptr;            // [B, H, d]
  const float* k = nullptr;            // [B, K, d]
  const float* v = nullptr;            // [B, K, d]
  float* keys = nullptr;               // [B, K, capacity, d], changed in place
  float* values = nullptr;             // [B, K, capacity, d], likewise
  const int32_t* lengths = nullptr;    // [B] positions already in the row's own cache, below capacity
  // Rows may continue a prefix that is stored once for all of them (null if none): P prefixes of up to prefixCapacity.
  const float* prefixKeys = nullptr;   // [P, K, prefixCapacity, d]
  const float* prefixValues = nullptr; // [P, K, prefixCapacity, d]
  int64_t prefixCapacity = 0;
  const int32_t* prefixIndex = nullptr;   // [B] which prefix, -1 for none; rows of one prefix side by side are fastest
  const int32_t* prefixLengths = nullptr; // [P]
  float* out = nullptr;                // [B, H, d]
};

// Writes k and v into the caches at lengths[b], then attends q to the prefix and to the row's own positions so far.
BREVITY_KERNEL(attentionDecode, (const AttentionDecode& step));

// Copies k or v [B, T, K, d] of a prefill into a cache [B, K, capacity, d]; positions from T on are unchanged.
BREVITY_KERNEL(fillCache, (const float* x, float* cache, int64_t B, int64_t T, int64_t K, int64_t d, int64_t capacity));

}  // namespace brevity
