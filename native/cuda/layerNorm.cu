// LayerNorm (arXiv 1607.06450; ../src/kernels/layerNorm.h): y = (x - mean) / √(variance + eps) · w + b. A block a row,
// sums in float64. y may be x, dx may be dy.
#include "block.h"
#include "columns.h"

struct RowStats {
  float mean, inverse;
};

// Mean and 1 / √(variance + eps) of a row; all threads of the block.
DEVICE RowStats statsOf(const float* row, int64_t D, float eps) {
  double sum = 0;
  for (int64_t j = threadIdx.x; j < D; j += kThreads) sum += row[j];
  const double mean = blockSum(sum) / D;
  double squares = 0;
  for (int64_t j = threadIdx.x; j < D; j += kThreads) squares += (row[j] - mean) * (row[j] - mean);
  return RowStats{static_cast<float>(mean), static_cast<float>(1 / sqrt(blockSum(squares) / D + eps))};
}

template <typename T>
DEVICE void normaliseRow(const float* x, const float* w, const float* b, T* y, int64_t D, float eps) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * D;
  const RowStats s = statsOf(x + at, D, eps);
  for (int64_t j = threadIdx.x; j < D; j += kThreads)
    y[at + j] = kept<T>((x[at + j] - s.mean) * s.inverse * w[j] + b[j]);
}
KERNEL layerNormKernel(const float* x, const float* w, const float* b, float* y, int64_t D, float eps) {
  normaliseRow(x, w, b, y, D, eps);
}
KERNEL layerNormBf16(const float* x, const float* w, const float* b, uint16_t* y, int64_t D, float eps) {
  normaliseRow(x, w, b, y, D, eps);
}

KERNEL layerNormStats(const float* x, RowStats* stats, int64_t D, float eps) {
  const RowStats s = statsOf(x + static_cast<int64_t>(blockIdx.x) * D, D, eps);
  if (threadIdx.x == 0) stats[blockIdx.x] = s;
}

// dx = r·(g - mean(g) - ŷ·mean(g·ŷ)) with g = dy·w and ŷ = (x - mean)·r
KERNEL layerNormGradKernel(const float* x, const float* w, const float* dy, float* dx, const RowStats* stats,
                           int64_t D) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * D;
  const RowStats s = stats[blockIdx.x];
  double sum = 0, along = 0;
  for (int64_t j = threadIdx.x; j < D; j += kThreads) {
    const float g = dy[at + j] * w[j];
    sum += g;
    along += static_cast<double>(g) * ((x[at + j] - s.mean) * s.inverse);
  }
  const float meanG = static_cast<float>(blockSum(sum) / D), meanAlong = static_cast<float>(blockSum(along) / D);
  for (int64_t j = threadIdx.x; j < D; j += kThreads) {
    const float normal = (x[at + j] - s.mean) * s.inverse;
    dx[at + j] = s.inverse * (dy[at + j] * w[j] - meanG - normal * meanAlong);
  }
}

// Σ over a piece's rows of dy·ŷ and of dy, each [pieces, D]
KERNEL layerNormWeightPieces(const float* x, const float* dy, const RowStats* stats, float* weights, float* biases,
                             int64_t N, int64_t D) {
  const int64_t first = static_cast<int64_t>(blockIdx.y) * kRowsOfPiece;
  const int64_t end = first + kRowsOfPiece < N ? first + kRowsOfPiece : N;
  for (EACH(j, D)) {
    float weight = 0, bias = 0;
    for (int64_t i = first; i < end; i++) {
      weight += dy[i * D + j] * ((x[i * D + j] - stats[i].mean) * stats[i].inverse);
      bias += dy[i * D + j];
    }
    weights[blockIdx.y * D + j] = weight;
    biases[blockIdx.y * D + j] = bias;
  }
}
KERNEL layerNormWeightSum(const float* partial, float* y, int64_t pieces, int64_t D) {
  addPieces(partial, y, pieces, D);
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {
namespace {

// x, w, b, y; N, D, eps. T is what y is kept as.
template <typename T>
void layerNormOp(const Launch& l) {
  const int64_t N = l.count(0), D = l.count(1), n = N * D;
  const float *x = l.floats(0, n), *w = l.floats(1, D), *b = l.floats(2, D);
  T* y = l.as<T>(3, n);
  if (n == 0) return;
  const Geometry geometry(gridSize(N), kThreads);
  if constexpr (sizeof(T) == 2) LAUNCH(layerNormBf16, geometry, x, w, b, y, D, l.number(2));
  else LAUNCH(layerNormKernel, geometry, x, w, b, y, D, l.number(2));
}

// x, w, dy, dx, dw, db; N, D, eps
void layerNormGradOp(const Launch& l) {
  const int64_t N = l.count(0), D = l.count(1), n = N * D, pieces = ceilDiv(N, kRowsOfPiece);
  const float *x = l.floats(0, n), *w = l.floats(1, D), *dy = l.floats(2, n);
  float *dx = l.floats(3, n), *dw = l.floats(4, D), *db = l.floats(5, D);
  if (D == 0) return;
  Scratch<RowStats> stats(N);
  Scratch<float> weights(pieces * D), biases(pieces * D);
  if (N > 0) {
    // The weights' gradients first: dx may be dy.
    const unsigned across = overElements(D).blocks.x;
    LAUNCH(layerNormStats, Geometry(gridSize(N), kThreads), x, stats, D, l.number(2));
    LAUNCH(layerNormWeightPieces, Geometry(dim3(across, gridSize(pieces)), kThreads), x, dy, stats, weights, biases, N,
           D);
    LAUNCH(layerNormGradKernel, Geometry(gridSize(N), kThreads), x, w, dy, dx, stats, D);
  }
  LAUNCH(layerNormWeightSum, overElements(D), weights, dw, pieces, D);
  LAUNCH(layerNormWeightSum, overElements(D), biases, db, pieces, D);
}

}  // namespace

void layerNormOps(OpTable& table) {
  table.push_back({"LayerNorm", layerNormOp<float>});
  table.push_back({"LayerNorm>bf16", layerNormOp<uint16_t>});
  table.push_back({"LayerNormGrad", layerNormGradOp});
}

}  // namespace cuda
}  // namespace brevity
#endif
