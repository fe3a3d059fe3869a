// Packed sequences that attention runs over (../src/kernels/attention.h): rows of all segments one after the other, each
// segment's keys preceded by those of its prefix. Keys of a segment have logical places: its prefix from 0 on, then its
// own; its query i stands at place prefixLength + i.
#pragma once
#include "cuda.h"

struct Segments {
  int64_t count;
  int64_t uniform;       // rows of every segment, one after the other, without prefixes; 0: the table says
  const int32_t* table;  // [count, 4]: first row, length, first row and length of the prefix
};

struct Segment {
  int64_t start, length, prefixStart, prefixLength;

  // The row of the key at a logical place.
  __device__ int64_t row(int64_t place) const {
    return place < prefixLength ? prefixStart + place : start + place - prefixLength;
  }
  // The logical place of a row among the segment's keys, or -1.
  __device__ int64_t place(int64_t row) const {
    if (row >= prefixStart && row < prefixStart + prefixLength) return row - prefixStart;
    if (row >= start && row < start + length) return prefixLength + row - start;
    return -1;
  }
};

DEVICE Segment segmentAt(const Segments& s, int64_t i) {
  if (s.uniform > 0) return Segment{i * s.uniform, s.uniform, 0, 0};
  const int32_t* row = s.table + 4 * i;
  return Segment{row[0], row[1], row[2], row[3]};
}

// Whether a segment lies within N rows, behind its prefix. The table comes from the host: one that does not fit is
// reported, and passed over.
DEVICE bool fits(const Segment& s, int64_t N) {
  return s.start >= 0 && s.length >= 0 && s.start + s.length <= N && s.prefixStart >= 0 && s.prefixLength >= 0 &&
         (s.prefixLength == 0 || s.prefixStart + s.prefixLength <= s.start);
}

// Whether a query sees the key at a place; window 0 is all.
DEVICE bool sees(int64_t queryPlace, int64_t keyPlace, int64_t window) {
  return keyPlace <= queryPlace && (window == 0 || keyPlace > queryPlace - window);
}

// The keys of a segment among the rows [first, end), and the queries of the segment that may see one of them.
struct KeysOfSegment {
  int64_t firstQuery, endQuery;
  bool any, inRow;  // whether there are such keys; whether all rows are, one place after the other

  __device__ KeysOfSegment(const Segment& s, int64_t first, int64_t end, int64_t window) {
    const int64_t prefixEnd = s.prefixStart + s.prefixLength, ownEnd = s.start + s.length;
    const bool inPrefix = s.prefixLength > 0 && first < prefixEnd && end > s.prefixStart;
    const bool inOwn = first < ownEnd && end > s.start;
    any = inPrefix || inOwn;
    inRow = (inPrefix && first >= s.prefixStart && end <= prefixEnd) || (inOwn && first >= s.start && end <= ownEnd);
    firstQuery = !inPrefix && first > s.start ? first - s.start : 0;
    endQuery = s.length;
    if (!any || window == 0) return;
    const int64_t last = inOwn ? (end < ownEnd ? end : ownEnd) - 1 : (end < prefixEnd ? end : prefixEnd) - 1;
    const int64_t most = s.place(last) - s.prefixLength + window;
    if (most < endQuery) endQuery = most;
  }
};

struct AttentionArguments {
  int64_t N, H, K, d, window;
  int64_t qStride, kStride, vStride;
  Segments segments;
  float scale;
  int32_t reserved;
};

// Of the kernels on tensor cores: rows of a tile, and the most dimensions of a head.
constexpr int kTileRows = 64;
[[maybe_unused]] constexpr int kMostMmaDims = 128;

// The segments that the rows [first, end) can be keys of: without prefixes a row is a key of its own segment only.
struct SegmentsOfRows {
  int64_t first, end;
};
DEVICE SegmentsOfRows segmentsOfRows(const Segments& s, int64_t first, int64_t end) {
  if (s.uniform == 0) return SegmentsOfRows{0, s.count};
  return SegmentsOfRows{first / s.uniform, (end - 1) / s.uniform + 1};
}

// A tile of queries: rows [first, first + tile rows) of a segment; segment -1 for none.
struct QueryTile {
  int32_t segment, first;
};

// What a block has of its tile, of `most` queries at the most: its rows, and the places [begin, end) of the keys that they
// may see.
struct QuerySpan {
  Segment segment;
  int64_t rows, firstRow, firstPlace, begin, end;

  __device__ QuerySpan(const AttentionArguments& a, const QueryTile& tile, int most)
      : segment(segmentAt(a.segments, tile.segment)), rows(segment.length - tile.first),
        firstRow(segment.start + tile.first), firstPlace(segment.prefixLength + tile.first), begin(0) {
    if (rows > most) rows = most;
    end = firstPlace + rows;
    if (a.window > 0 && firstPlace >= a.window) begin = firstPlace - a.window + 1;
  }
};

// Of the plain kernels, threads of a tile's rows: eight a row, of one warp.
constexpr int kLanesOfRow = 8;

// Brings kRows rows of d elements into shared memory, d + 1 apart: row r from rowOf(r), zeros from `count` on.
template <int kRows, typename RowOf>
DEVICE void loadRows(float* to, int d, int64_t count, RowOf rowOf) {
  for (int i = threadIdx.x; i < kRows * d; i += kRows * kLanesOfRow) {
    const int row = i / d, c = i % d;
    to[row * (d + 1) + c] = row < count ? rowOf(row)[c] : 0;
  }
}

// Over the neighbouring lanes that share a row.
template <int lanes>
DEVICE float sumOfRow(float x) {
  for (int with = lanes / 2; with > 0; with /= 2) x += __shfl_xor_sync(0xffffffffu, x, with);
  return x;
}
template <int lanes>
DEVICE float largestOfRow(float x) {
  for (int with = lanes / 2; with > 0; with /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, with));
  return x;
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {

// What both passes take from the params of their launch. Throws where heads or sizes do not fit the kernels.
AttentionArguments batchArguments(const Launch& l);
AttentionArguments packedArguments(const Launch& l, int tableBuffer);
// Tiles of `rows` queries, in order; `tiles` holds tileCount(…) of them.
int64_t tileCount(const AttentionArguments& a, int rows);
void planTiles(const AttentionArguments& a, int rows, QueryTile* tiles);
// Rows of a tile of the plain kernels for heads of size d: what fits into shared memory.
inline int tileRows(int64_t d) { return d <= 128 ? 32 : 16; }

// Tensor cores multiply in bf16 heads of up to 128 dimensions (attentionMma.cu, attentionGradMma.cu); the plain kernels
// do the rest.
inline bool onTensorCores(const AttentionArguments& a) {
  return stream().precision() == Precision::bf16 && a.d <= kMostMmaDims;
}
void attentionMma(const AttentionArguments& a, const QueryTile* tiles, const float* q, const float* k, const float* v,
                  float* out, float* lse);
void attentionGradMma(const AttentionArguments& a, const QueryTile* tiles, const float* q, const float* k, const float* v,
                      const float* lse, const float* delta, const float* dout, float* dq, float* dk, float* dv);

}  // namespace cuda
}  // namespace brevity
#endif
