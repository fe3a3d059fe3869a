#include "shape.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "bf16.h"
#include "blocks.h"

namespace brevity {
namespace {

constexpr int64_t kGrain = 16384;

struct Word8 {
  uint64_t bits;
};

template <typename T>
void copyRow(const T* from, int64_t a, T* to, int64_t b, int64_t n) {
  if (a == 1 && b == 1) {
    std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
  } else if (a == 0 && b == 1) {
    std::fill(to, to + n, *from);
  } else if (b == 1) {
    for (int64_t i = 0; i < n; i++) to[i] = from[i * a];
  } else {
    for (int64_t i = 0; i < n; i++) to[i * b] = from[i * a];
  }
}

// Copies two inner axes, one contiguous in `from` and the other in `to`, in tiles, so that both stay in cache.
template <typename T>
void copyTile(const T* from, T* to, int64_t rows, int64_t cols, int64_t a, int64_t b) {
  // from[i + j·a] → to[i·b + j], i below rows, j below cols
  constexpr int64_t kTile = 32;
  for (int64_t i0 = 0; i0 < rows; i0 += kTile) {
    const int64_t i1 = std::min(rows, i0 + kTile);
    for (int64_t j0 = 0; j0 < cols; j0 += kTile) {
      const int64_t j1 = std::min(cols, j0 + kTile);
      for (int64_t i = i0; i < i1; i++)
        for (int64_t j = j0; j < j1; j++) to[i * b + j] = from[i + j * a];
    }
  }
}

template <typename T>
void copyStrided(const T* from, T* to, const Strides& s) {
  const int last = s.rank - 1;
  const bool transposed = s.rank >= 2 && s.a[last] != 1 && s.b[last] == 1 && s.a[last - 1] == 1;
  const int inner = transposed ? last - 1 : last;
  int64_t outer = 1, size = 1;
  for (int i = 0; i < s.rank; i++) (i < inner ? outer : size) *= s.dims[i];
  if (outer == 0 || size == 0) return;
  const auto block = [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
      int64_t rest = row, at = 0, target = 0;
      for (int i = inner - 1; i >= 0; i--) {
        const int64_t index = rest % s.dims[i];
        rest /= s.dims[i];
        at += index * s.a[i];
        target += index * s.b[i];
      }
      if (transposed)
        copyTile(from + at, to + target, s.dims[inner], s.dims[last], s.a[last], s.b[inner]);
      else
        copyRow(from + at, s.a[last], to + target, s.b[last], s.dims[last]);
    }
  };
  if (outer > 1) {
    parallelFor(outer, std::max<int64_t>(1, kGrain / size), block);
  } else if (transposed) {
    parallelFor(s.dims[inner], std::max<int64_t>(32, kGrain / s.dims[last]), [&](int64_t begin, int64_t end) {
      copyTile(from + begin, to + begin * s.b[inner], end - begin, s.dims[last], s.a[last], s.b[inner]);
    });
  } else {
    parallelFor(size, kGrain, [&](int64_t begin, int64_t end) {
      copyRow(from + begin * s.a[last], s.a[last], to + begin * s.b[last], s.b[last], end - begin);
    });
  }
}

int64_t checkedIndex(int32_t index, int64_t size, const char* what) {
  if (index < 0 || index >= size)
    throw std::runtime_error(std::string(what) + ": the index value " + std::to_string(index) + " is not in [0, " +
                             std::to_string(size - 1) + "]");
  return index;
}

// Σ indices·strides of a row of indices into a tensor of these dims; each index is checked.
int64_t flatIndex(const int32_t* indices, int depth, const int64_t* dims, const char* what) {
  int64_t at = 0;
  for (int i = 0; i < depth; i++) at = at * dims[i] + checkedIndex(indices[i], dims[i], what);
  return at;
}

}  // namespace

void stridedCopy(const void* from, void* to, int width, const Strides& strides) {
  switch (width) {
    case 1:
      return copyStrided(static_cast<const uint8_t*>(from), static_cast<uint8_t*>(to), strides);
    case 4:
      return copyStrided(static_cast<const uint32_t*>(from), static_cast<uint32_t*>(to), strides);
    case 8:
      return copyStrided(static_cast<const Word8*>(from), static_cast<Word8*>(to), strides);
    default:
      throw std::runtime_error("elements of " + std::to_string(width) + " bytes cannot be copied");
  }
}

// Calls f(from, to) for every row of y, with the rows of x and y.
template <typename F>
static void eachRow(const int32_t* indices, const Gather& g, const F& f) {
  for (int64_t i = 0; i < g.batch * g.count; i++) checkedIndex(indices[i], g.size, "GatherV2");
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, g.inner));
  parallelFor(g.batch * g.outer * g.count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at++) {
      const int64_t slice = at / g.count, index = indices[slice / g.outer * g.count + at % g.count];
      f(slice * g.size + index, at);
    }
  });
}

void gather(const void* x, const int32_t* indices, void* y, const Gather& g) {
  const int64_t row = g.inner * g.width;
  eachRow(indices, g, [=](int64_t from, int64_t to) {
    std::memcpy(static_cast<char*>(y) + to * row, static_cast<const char*>(x) + from * row, static_cast<size_t>(row));
  });
}

void gatherHalves(const uint16_t* x, const int32_t* indices, float* y, const Gather& g) {
  eachRow(indices, g, [&](int64_t from, int64_t to) {
    const uint16_t* source = x + from * g.inner;
    float* target = y + to * g.inner;
    for (int64_t i = 0; i < g.inner; i++) target[i] = floatOfHalf(source[i]);
  });
}

void gatherNd(const void* x, const int32_t* indices, void* y, int width, int64_t rows, int depth, const int64_t* dims,
              int64_t inner) {
  const int64_t row = inner * width;
  for (int64_t r = 0; r < rows; r++)
    std::memcpy(static_cast<char*>(y) + r * row,
                static_cast<const char*>(x) + flatIndex(indices + r * depth, depth, dims, "GatherNd") * row,
                static_cast<size_t>(row));
}

template <typename T>
void segmentSum(const T* x, const int32_t* ids, T* y, int64_t rows, int64_t segments, int64_t inner) {
  for (int64_t r = 0; r < rows; r++)
    if (ids[r] >= segments) checkedIndex(ids[r], segments, "UnsortedSegmentSum");
  // Threads divide the columns, so that every sum adds rows in order.
  parallelFor(inner, std::max<int64_t>(16, kGrain / std::max<int64_t>(1, rows)), [&](int64_t begin, int64_t end) {
    for (int64_t s = 0; s < segments; s++) std::fill(y + s * inner + begin, y + s * inner + end, T{0});
    for (int64_t r = 0; r < rows; r++) {
      if (ids[r] < 0) continue;
      const T* from = x + r * inner;
      T* to = y + ids[r] * inner;
      for (int64_t i = begin; i < end; i++) to[i] += from[i];
    }
  });
}

template <typename T>
void scatterNd(const int32_t* indices, const T* x, T* y, int64_t rows, int depth, const int64_t* dims, int64_t size,
               int64_t inner) {
  std::fill(y, y + size * inner, T{0});
  for (int64_t r = 0; r < rows; r++) {
    T* to = y + flatIndex(indices + r * depth, depth, dims, "ScatterNd") * inner;
    for (int64_t i = 0; i < inner; i++) to[i] += x[r * inner + i];
  }
}

template void segmentSum(const float*, const int32_t*, float*, int64_t, int64_t, int64_t);
template void segmentSum(const int32_t*, const int32_t*, int32_t*, int64_t, int64_t, int64_t);
template void scatterNd(const int32_t*, const float*, float*, int64_t, int, const int64_t*, int64_t, int64_t);
template void scatterNd(const int32_t*, const int32_t*, int32_t*, int64_t, int, const int64_t*, int64_t, int64_t);

}  // namespace brevity
