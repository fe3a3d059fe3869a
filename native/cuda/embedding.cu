// The gradient of rows taken by index: rows added up by id (../src/kernels/embedding.h), without sorting and without
// atomic additions, so that every sum runs in the order of the rows.
#include "cuda.h"

constexpr int kAddThreads = 256;

// Block r owns the id of row r where no earlier row has it, and adds up all rows that have it. Looking through the ids
// costs rows² comparisons in all, of integers that stay in cache.
template <typename T>
DEVICE void addRowsById(const T* x, const int32_t* ids, T* y, int64_t rows, int64_t size, int64_t inner, bool strict,
                        Fault* fault) {
  __shared__ int owner, matches[kAddThreads], counts[kAddThreads / 32];
  const int64_t r = blockIdx.x;
  const int32_t id = ids[r];
  if (id < 0 || id >= size) {
    if (strict && id >= size && threadIdx.x == 0) report(fault, indexFault, id, size);
    return;
  }
  if (threadIdx.x == 0) owner = 1;
  __syncthreads();
  for (int64_t i = threadIdx.x; i < r; i += kAddThreads)
    if (ids[i] == id) atomicExch(&owner, 0);
  __syncthreads();
  if (!owner) return;
  T* to = y + id * inner;
  for (int64_t c = threadIdx.x; c < inner; c += kAddThreads) to[c] = x[r * inner + c];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int64_t base = r + 1; base < rows; base += kAddThreads) {
    // The rows of this piece that have the id, in order.
    const int64_t row = base + threadIdx.x;
    const bool match = row < rows && ids[row] == id;
    const unsigned ballot = __ballot_sync(0xffffffffu, match);
    if (lane == 0) counts[warp] = __popc(ballot);
    __syncthreads();
    int before = 0, all = 0;
    for (int w = 0; w < kAddThreads / 32; w++) {
      if (w < warp) before += counts[w];
      all += counts[w];
    }
    if (match) matches[before + __popc(ballot & ((1u << lane) - 1))] = threadIdx.x;
    __syncthreads();
    for (int64_t c = threadIdx.x; c < inner; c += kAddThreads)
      for (int m = 0; m < all; m++) to[c] += x[(base + matches[m]) * inner + c];
    __syncthreads();
  }
}

KERNEL addRowsFloat(const float* x, const int32_t* ids, float* y, int64_t rows, int64_t size, int64_t inner, int strict,
                    Fault* fault) {
  addRowsById(x, ids, y, rows, size, inner, strict != 0, fault);
}
// Integers wrap around.
KERNEL addRowsInt(const uint32_t* x, const int32_t* ids, uint32_t* y, int64_t rows, int64_t size, int64_t inner,
                  int strict, Fault* fault) {
  addRowsById(x, ids, y, rows, size, inner, strict != 0, fault);
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {

void sumRows(const float* x, const int32_t* ids, float* y, int64_t rows, int64_t size, int64_t inner, bool strict) {
  fillZeros(y, size * inner);
  if (rows == 0) return;
  LAUNCH(addRowsFloat, Geometry(gridSize(rows), kAddThreads), x, ids, y, rows, size, inner, strict,
         static_cast<Fault*>(stream().fault()));
}

void sumRows(const int32_t* x, const int32_t* ids, int32_t* y, int64_t rows, int64_t size, int64_t inner,
             bool strict) {
  fillZeros(y, size * inner);
  if (rows == 0) return;
  LAUNCH(addRowsInt, Geometry(gridSize(rows), kAddThreads), reinterpret_cast<const uint32_t*>(x), ids,
         reinterpret_cast<uint32_t*>(y), rows, size, inner, strict, static_cast<Fault*>(stream().fault()));
}

void embeddingOps(OpTable& table) {
  // dy, ids, table; N, D, V
  table.push_back({"ScatterAdd", [](const Launch& l) {
                     const int64_t N = l.count(0), D = l.count(1), V = l.count(2);
                     sumRows(l.floats(0, N * D), l.ints(1, N), l.floats(2, V * D), N, V, D, false);
                   }});
}

}  // namespace cuda
}  // namespace brevity
#endif
