// RMSNorm (arXiv 1910.07467, equation 4; ../src/kernels/rmsNorm.h): y = x / √(mean(x²) + eps) · w. A block a row, sums
// in float64. y may be x, dx may be dy.
#include "block.h"
#include "columns.h"

template <typename T>
DEVICE void normaliseRow(const float* x, const float* w, T* y, int64_t D, float eps) {
  const float* row = x + static_cast<int64_t>(blockIdx.x) * D;
  double squares = 0;
  for (int64_t j = threadIdx.x; j < D; j += kThreads) squares += static_cast<double>(row[j]) * row[j];
  const float r = static_cast<float>(1 / sqrt(blockSum(squares) / D + eps));
  for (int64_t j = threadIdx.x; j < D; j += kThreads) y[blockIdx.x * D + j] = kept<T>(row[j] * r * w[j]);
}
KERNEL rmsNormKernel(const float* x, const float* w, float* y, int64_t D, float eps) { normaliseRow(x, w, y, D, eps); }
KERNEL rmsNormBf16(const float* x, const float* w, uint16_t* y, int64_t D, float eps) { normaliseRow(x, w, y, D, eps); }

// inverse [N] = 1 / √(mean(x²) + eps)
KERNEL rmsNormInverse(const float* x, float* inverse, int64_t D, float eps) {
  const float* row = x + static_cast<int64_t>(blockIdx.x) * D;
  double squares = 0;
  for (int64_t j = threadIdx.x; j < D; j += kThreads) squares += static_cast<double>(row[j]) * row[j];
  squares = blockSum(squares);
  if (threadIdx.x == 0) inverse[blockIdx.x] = static_cast<float>(1 / sqrt(squares / D + eps));
}

// dx = r·(g - x·r²·mean(g·x)) with g = dy·w, r = inverse
KERNEL rmsNormGradKernel(const float* x, const float* w, const float* dy, float* dx, const float* inverse, int64_t D) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * D;
  double along = 0;
  for (int64_t j = threadIdx.x; j < D; j += kThreads) along += static_cast<double>(x[at + j]) * dy[at + j] * w[j];
  const float r = inverse[blockIdx.x], back = static_cast<float>(blockSum(along) / D) * r * r;
  for (int64_t j = threadIdx.x; j < D; j += kThreads) dx[at + j] = r * (dy[at + j] * w[j] - x[at + j] * back);
}

// partial [pieces, D] = Σ over a piece's rows of dy·x·r
KERNEL rmsNormWeightPieces(const float* x, const float* dy, const float* inverse, float* partial, int64_t N, int64_t D) {
  const int64_t first = static_cast<int64_t>(blockIdx.y) * kRowsOfPiece;
  const int64_t end = first + kRowsOfPiece < N ? first + kRowsOfPiece : N;
  for (EACH(j, D)) {
    float sum = 0;
    for (int64_t i = first; i < end; i++) sum += dy[i * D + j] * x[i * D + j] * inverse[i];
    partial[blockIdx.y * D + j] = sum;
  }
}
KERNEL rmsNormWeightSum(const float* partial, float* dw, int64_t pieces, int64_t D) {
  addPieces(partial, dw, pieces, D);
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {
namespace {

// x, w, y; N, D, eps. T is what y is kept as.
template <typename T>
void rmsNormOp(const Launch& l) {
  const int64_t N = l.count(0), D = l.count(1), n = N * D;
  const float *x = l.floats(0, n), *w = l.floats(1, D);
  T* y = l.as<T>(2, n);
  if (n == 0) return;
  const Geometry geometry(gridSize(N), kThreads);
  if constexpr (sizeof(T) == 2) LAUNCH(rmsNormBf16, geometry, x, w, y, D, l.number(2));
  else LAUNCH(rmsNormKernel, geometry, x, w, y, D, l.number(2));
}

// x, w, dy, dx, dw; N, D, eps
void rmsNormGradOp(const Launch& l) {
  const int64_t N = l.count(0), D = l.count(1), n = N * D, pieces = ceilDiv(N, kRowsOfPiece);
  const float *x = l.floats(0, n), *w = l.floats(1, D), *dy = l.floats(2, n);
  float *dx = l.floats(3, n), *dw = l.floats(4, D);
  if (D == 0) return;
  Scratch<float> inverse(N), partial(pieces * D);
  if (N > 0) {
    // The weight's gradient first: dx may be dy.
    const unsigned across = overElements(D).blocks.x;
    LAUNCH(rmsNormInverse, Geometry(gridSize(N), kThreads), x, inverse, D, l.number(2));
    LAUNCH(rmsNormWeightPieces, Geometry(dim3(across, gridSize(pieces)), kThreads), x, dy, inverse, partial, N, D);
    LAUNCH(rmsNormGradKernel, Geometry(gridSize(N), kThreads), x, w, dy, dx, inverse, D);
  }
  LAUNCH(rmsNormWeightSum, overElements(D), partial, dw, pieces, D);
}

}  // namespace

void rmsNormOps(OpTable& table) {
  table.push_back({"RmsNorm", rmsNormOp<float>});
  table.push_back({"RmsNorm>bf16", rmsNormOp<uint16_t>});
  table.push_back({"RmsNormGrad", rmsNormGradOp});
}

}  // namespace cuda
}  // namespace brevity
#endif
