// Rows by index (../src/elements/shape.cc): taken, or added up by where they go.
#include "axes.h"

// The indices of a row, into a tensor of these dims.
struct Depths {
  int32_t depth, reserved;
  int64_t dims[kMostAxes];
};

using FourWords = Pack<uint32_t, 4>;
using FourHalves = Pack<uint16_t, 4>;
using FourFloats = Pack<float, 4>;
DEVICE FourFloats widened(const FourHalves& x) {
  return {{valueOf(x.at[0]), valueOf(x.at[1]), valueOf(x.at[2]), valueOf(x.at[3])}};
}

// y [batch, outer, count, inner] = x [batch, outer, size, inner] at indices [batch, count]; slices is batch·outer.
#define GATHER_KERNEL(name, From, To, f)                                                                        \
  KERNEL name(const From* x, const int32_t* indices, To* y, int64_t slices, int64_t outer, int64_t size,        \
              int64_t count, int64_t inner, Fault* fault) {                                                     \
    for (EACH(i, slices * count * inner)) {                                                                     \
      const Division element = divide(i, inner), row = divide(element.whole, count);                            \
      const int64_t at = divide(row.whole, outer).whole * count + row.rest;                                     \
      const int64_t index = checked(fault, indexFault, indices[at], size);                                      \
      y[i] = f(x[(row.whole * size + index) * inner + element.rest]);                                           \
    }                                                                                                           \
  }
GATHER_KERNEL(gatherBytes, uint8_t, uint8_t, )
GATHER_KERNEL(gatherWords, uint32_t, uint32_t, )
GATHER_KERNEL(gatherPacks, FourWords, FourWords, )
GATHER_KERNEL(gatherFromHalves, uint16_t, float, valueOf)
GATHER_KERNEL(gatherFromHalfPacks, FourHalves, FourFloats, widened)

// y [rows, inner]: x [dims…, inner] at indices [rows, depth]
#define GATHER_ND_KERNEL(name, T)                                                                              \
  KERNEL name(const T* x, const int32_t* indices, T* y, int64_t rows, int64_t inner, Depths depths, Fault* fault) { \
    for (EACH(i, rows * inner)) {                                                                              \
      const int64_t row = i / inner;                                                                           \
      int64_t at = 0;                                                                                          \
      for (int k = 0; k < depths.depth; k++)                                                                   \
        at = at * depths.dims[k] +                                                                             \
             checked(fault, indexFault, indices[row * depths.depth + k], depths.dims[k]);                      \
      y[i] = x[at * inner + i % inner];                                                                        \
    }                                                                                                          \
  }
GATHER_ND_KERNEL(gatherNdBytes, uint8_t)
GATHER_ND_KERNEL(gatherNdWords, uint32_t)

// ids [rows] = the flat place of each row of indices [rows, depth]; -1 where one of them is out of range.
KERNEL flatIndices(const int32_t* indices, int32_t* ids, int64_t rows, Depths depths, Fault* fault) {
  for (EACH(row, rows)) {
    int64_t at = 0;
    bool inside = true;
    for (int k = 0; k < depths.depth; k++) {
      const int32_t index = indices[row * depths.depth + k];
      if (index < 0 || index >= depths.dims[k]) inside = false;
      at = at * depths.dims[k] + checked(fault, indexFault, index, depths.dims[k]);
    }
    ids[row] = inside ? static_cast<int32_t>(at) : -1;
  }
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {
namespace {

Fault* faults() { return static_cast<Fault*>(stream().fault()); }

// Elements of `width` bytes as words where they can be: inner becomes that of words.
bool asWords(int64_t width, int64_t* inner) {
  if (width % 4 != 0) {
    *inner *= width;
    return false;
  }
  *inner *= width / 4;
  return true;
}

// x, indices, y; width, batch, outer, size, count, inner
void gatherOp(const Launch& l) {
  const int64_t width = l.count(0), batch = l.count(1), outer = l.count(2), size = l.count(3), count = l.count(4),
                inner = l.count(5), slices = batch * outer;
  const void* x = l.as<char>(0, slices * size * inner * width);
  void* y = l.as<char>(2, slices * count * inner * width);
  const int32_t* indices = l.ints(1, batch * count);
  if (size == 0 && slices * count * inner > 0) l.fail("has an index and nothing to choose from");
  int64_t step = inner;
  if (inner * width % 16 == 0 && areAligned(x, y)) {
    step = inner * width / 16;
    LAUNCH(gatherPacks, overElements(slices * count * step), static_cast<const FourWords*>(x), indices,
           static_cast<FourWords*>(y), slices, outer, size, count, step, faults());
  } else if (asWords(width, &step)) {
    LAUNCH(gatherWords, overElements(slices * count * step), static_cast<const uint32_t*>(x), indices,
           static_cast<uint32_t*>(y), slices, outer, size, count, step, faults());
  } else {
    LAUNCH(gatherBytes, overElements(slices * count * step), static_cast<const uint8_t*>(x), indices,
           static_cast<uint8_t*>(y), slices, outer, size, count, step, faults());
  }
}

// The same with x in bfloat16 and y in float32.
void gatherHalvesOp(const Launch& l) {
  const int64_t width = l.count(0), batch = l.count(1), outer = l.count(2), size = l.count(3), count = l.count(4),
                inner = l.count(5), slices = batch * outer;
  if (width != 4) l.fail("gives float32");
  const uint16_t* x = l.halves(0, slices * size * inner);
  float* y = l.floats(2, slices * count * inner);
  if (size == 0 && slices * count * inner > 0) l.fail("has an index and nothing to choose from");
  const int32_t* indices = l.ints(1, batch * count);
  if (inner % 4 == 0 && areAligned(x, y))
    LAUNCH(gatherFromHalfPacks, overElements(slices * count * inner / 4), reinterpret_cast<const FourHalves*>(x), indices,
           reinterpret_cast<FourFloats*>(y), slices, outer, size, count, inner / 4, faults());
  else
    LAUNCH(gatherFromHalves, overElements(slices * count * inner), x, indices, y, slices, outer, size, count, inner,
           faults());
}

// The params from `at` on: depth, dims. Returns their product.
int64_t depthsAt(const Launch& l, int at, Depths* depths) {
  const int64_t depth = l.integer(at);
  if (depth < 0 || depth > kMaxRank) l.fail("takes up to 12 indices a row");
  depths->depth = static_cast<int32_t>(depth);
  int64_t size = 1;
  for (int i = 0; i < depth; i++) size *= depths->dims[i] = l.count(at + 1 + i);
  return size;
}

// x, indices, y; width, rows, inner, depth, dims
void gatherNdOp(const Launch& l) {
  Depths depths{};
  const int64_t width = l.count(0), rows = l.count(1), inner = l.count(2);
  const int64_t size = depthsAt(l, 3, &depths);
  const void* x = l.as<char>(0, size * inner * width);
  const int32_t* indices = l.ints(1, rows * depths.depth);
  void* y = l.as<char>(2, rows * inner * width);
  if (size == 0 && rows * inner > 0) l.fail("has an index and nothing to choose from");
  int64_t step = inner;
  if (asWords(width, &step)) {
    LAUNCH(gatherNdWords, overElements(rows * step), static_cast<const uint32_t*>(x), indices,
           static_cast<uint32_t*>(y), rows, step, depths, faults());
  } else {
    LAUNCH(gatherNdBytes, overElements(rows * step), static_cast<const uint8_t*>(x), indices, static_cast<uint8_t*>(y),
           rows, step, depths, faults());
  }
}

// indices, x, y; rows, inner, depth, dims
template <typename T>
void scatterNdOp(const Launch& l) {
  Depths depths{};
  const int64_t rows = l.count(0), inner = l.count(1);
  const int64_t size = depthsAt(l, 2, &depths);
  if (size > INT32_MAX) l.fail("takes up to 2^31 places");
  const int32_t* indices = l.ints(0, rows * depths.depth);
  const T* x = l.as<T>(1, rows * inner);
  T* y = l.as<T>(2, size * inner);
  Scratch<int32_t> ids(rows);
  LAUNCH(flatIndices, overElements(rows), indices, ids, rows, depths, faults());
  sumRows(x, static_cast<const int32_t*>(ids), y, rows, size, inner, false);
}

// x, ids, y; rows, segments, inner
template <typename T>
void segmentSumOp(const Launch& l) {
  const int64_t rows = l.count(0), segments = l.count(1), inner = l.count(2);
  sumRows(l.as<T>(0, rows * inner), l.ints(1, rows), l.as<T>(2, segments * inner), rows, segments, inner, true);
}

}  // namespace

void gatherOps(OpTable& table) {
  table.push_back({"Gather", gatherOp});
  table.push_back({"Gather/bf16", gatherHalvesOp});
  table.push_back({"GatherNd", gatherNdOp});
  table.push_back({"ScatterNd", scatterNdOp<float>});
  table.push_back({"ScatterNd/int32", scatterNdOp<int32_t>});
  table.push_back({"SegmentSum", segmentSumOp<float>});
  table.push_back({"SegmentSum/int32", segmentSumOp<int32_t>});
}

}  // namespace cuda
}  // namespace brevity
#endif
