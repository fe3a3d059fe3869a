// A comment on each op lists its buffers, then its params; `width` is an element's size in bytes.
#include "../elements/shape.h"

#include "../kernels/embedding.h"
#include "table.h"

namespace brevity {
namespace {

// from, to; width, offset in from, offset in to, strides
void copyOp(const Launch& l) {
  const int width = static_cast<int>(l.integer(0));
  if (width != 1 && width != 4 && width != 8) l.fail("takes elements of 1, 4 or 8 bytes");
  const int64_t from = l.count(1), to = l.count(2);
  const Strides s = stridesAt(l, 3);
  expectWithin(l, 0, width, from, s, s.a);
  expectWithin(l, 1, width, to, s, s.b);
  stridedCopy(l.as<char>(0, 0) + from * width, l.as<char>(1, 0) + to * width, width, s);
}

// x, indices, y; width, batch, outer, size, count, inner
void gatherOp(const Launch& l) {
  const Gather g{static_cast<int>(l.count(0)), l.count(1), l.count(2), l.count(3), l.count(4), l.count(5)};
  const int64_t slices = g.batch * g.outer;
  gather(l.as<char>(0, slices * g.size * g.inner * g.width), l.ints(1, g.batch * g.count),
         l.as<char>(2, slices * g.count * g.inner * g.width), g);
}

// The same with x in bfloat16 and y in float32.
void gatherHalvesOp(const Launch& l) {
  const Gather g{static_cast<int>(l.count(0)), l.count(1), l.count(2), l.count(3), l.count(4), l.count(5)};
  if (g.width != 4) l.fail("gives float32");
  const int64_t slices = g.batch * g.outer;
  gatherHalves(l.halves(0, slices * g.size * g.inner), l.ints(1, g.batch * g.count),
               l.floats(2, slices * g.count * g.inner), g);
}

// Reads the params from `at` on: depth, dims. Returns the product of dims.
int64_t dimsAt(const Launch& l, int at, int64_t* dims) {
  const int64_t depth = l.integer(at);
  if (depth < 0 || depth > kMaxRank) l.fail("takes up to 12 indices a row");
  int64_t size = 1;
  for (int i = 0; i < depth; i++) size *= dims[i] = l.count(at + 1 + i);
  return size;
}

// x, indices, y; width, rows, inner, depth, dims
void gatherNdOp(const Launch& l) {
  int64_t dims[kMaxRank];
  const int64_t width = l.count(0), rows = l.count(1), inner = l.count(2), depth = l.count(3);
  const int64_t size = dimsAt(l, 3, dims);
  gatherNd(l.as<char>(0, size * inner * width), l.ints(1, rows * depth), l.as<char>(2, rows * inner * width),
           static_cast<int>(width), rows, static_cast<int>(depth), dims, inner);
}

// indices, x, y; rows, inner, depth, dims
template <typename T>
void scatterNdOp(const Launch& l) {
  int64_t dims[kMaxRank];
  const int64_t rows = l.count(0), inner = l.count(1), depth = l.count(2);
  const int64_t size = dimsAt(l, 2, dims);
  scatterNd(l.ints(0, rows * depth), l.as<T>(1, rows * inner), l.as<T>(2, size * inner), rows, static_cast<int>(depth),
            dims, size, inner);
}

// x, ids, y; rows, segments, inner
template <typename T>
void segmentSumOp(const Launch& l) {
  const int64_t rows = l.count(0), segments = l.count(1), inner = l.count(2);
  segmentSum(l.as<T>(0, rows * inner), l.ints(1, rows), l.as<T>(2, segments * inner), rows, segments, inner);
}

// dy, ids, table; N, D, V
void scatterAddOp(const Launch& l) {
  const int64_t N = l.count(0), D = l.count(1), V = l.count(2);
  scatterAddRows(l.floats(0, N * D), l.ints(1, N), l.floats(2, V * D), N, D, V, false);
}

}  // namespace

void addShapeOps(OpTable& table) {
  table.push_back({"Copy", copyOp});
  table.push_back({"Gather", gatherOp});
  table.push_back({"Gather/bf16", gatherHalvesOp});
  table.push_back({"GatherNd", gatherNdOp});
  table.push_back({"ScatterNd", scatterNdOp<float>});
  table.push_back({"ScatterNd/int32", scatterNdOp<int32_t>});
  table.push_back({"SegmentSum", segmentSumOp<float>});
  table.push_back({"SegmentSum/int32", segmentSumOp<int32_t>});
  table.push_back({"ScatterAdd", scatterAddOp});
}

}  // namespace brevity
