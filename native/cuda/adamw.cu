// AdamW (arXiv 1711.05101, algorithm 2; ../src/kernels/adamw.h) over all tensors at once, and the norms that clipping
// needs. Tensors come as a kernel's argument, 64 a launch, so that no table is copied to the device.
#include "block.h"

constexpr int kTensors = 64;

struct AdamWEntry {
  float* param;
  const float* grad;
  float* m;
  float* v;
  int64_t n, packs;
  double kept;  // 1 - lr·weightDecay
};
struct AdamWBatch {
  AdamWEntry tensors[kTensors];
};
struct AdamWNumbers {
  double stepSize, beta1, beta2, eps, rootCorrection2, gradScale;  // lr / (1 - β1ᵗ), √(1 - β2ᵗ)
};

// A row of blocks for each tensor.
KERNEL adamwKernel(AdamWBatch batch, AdamWNumbers s) {
  const AdamWEntry& t = batch.tensors[blockIdx.y];
  const float beta1 = static_cast<float>(s.beta1), rest1 = static_cast<float>(1 - s.beta1);
  const float beta2 = static_cast<float>(s.beta2), rest2 = static_cast<float>(1 - s.beta2);
  const float scale = static_cast<float>(s.gradScale), eps = static_cast<float>(s.eps);
  const float root = static_cast<float>(s.rootCorrection2), size = static_cast<float>(s.stepSize);
  const float kept = static_cast<float>(t.kept);
  eachPack(t.n, t.packs, [&](int64_t i, auto width) {
    const auto grad = packAt<width.n>(t.grad + i);
    auto param = packAt<width.n>(t.param + i), m = packAt<width.n>(t.m + i), v = packAt<width.n>(t.v + i);
    UNROLL
    for (int k = 0; k < width.n; k++) {
      const float g = grad.at[k] * scale;
      m.at[k] = m.at[k] * beta1 + g * rest1;
      v.at[k] = v.at[k] * beta2 + g * g * rest2;
      param.at[k] = param.at[k] * kept - size * (m.at[k] / (sqrtf(v.at[k]) / root + eps));
    }
    putPack(t.m + i, m);
    putPack(t.v + i, v);
    putPack(t.param + i, param);
  });
}

struct SquaresEntry {
  const float* data;
  int64_t n;
};
struct SquaresBatch {
  SquaresEntry tensors[kTensors];
};
constexpr int kSquaresBlocks = 64;  // parts of a tensor, whatever its size: the order of additions depends on nothing else

KERNEL squaresPieces(SquaresBatch batch, double* partial) {
  const SquaresEntry& t = batch.tensors[blockIdx.y];
  double sum = 0;
  for (EACH(i, t.n)) sum += static_cast<double>(t.data[i]) * t.data[i];
  sum = blockSum(sum);
  if (threadIdx.x == 0) partial[blockIdx.y * kSquaresBlocks + blockIdx.x] = sum;
}
KERNEL squaresSum(const double* partial, double* squares, int64_t count) {
  for (EACH(i, count)) {
    double sum = 0;
    for (int p = 0; p < kSquaresBlocks; p++) sum += partial[i * kSquaresBlocks + p];
    squares[i] = sum;
  }
}

#if BREVITY_HOST
#include <algorithm>

namespace brevity {
namespace cuda {
namespace {

// param, grad, m, v of each tensor; count, lr, beta1, beta2, eps, biasCorrection1, biasCorrection2, gradScale, then n
// and weightDecay of each
void adamwOp(const Launch& l) {
  const int64_t count = l.count(0);
  const double lr = l.number(1);
  const AdamWNumbers numbers{lr / l.number(5), l.number(2), l.number(3), l.number(4), std::sqrt(l.number(6)),
                             l.number(7)};
  for (int64_t first = 0; first < count; first += kTensors) {
    AdamWBatch batch{};
    const int64_t here = std::min<int64_t>(kTensors, count - first);
    int64_t largest = 0;
    for (int64_t i = 0; i < here; i++) {
      const int at = static_cast<int>(first + i);
      const int64_t n = l.count(8 + 2 * at);
      float *param = l.floats(4 * at, n), *m = l.floats(4 * at + 2, n), *v = l.floats(4 * at + 3, n);
      const float* grad = l.floats(4 * at + 1, n);
      batch.tensors[i] = {param, grad, m, v, n, packsOf(n, param, grad, m, v), 1 - lr * l.number(9 + 2 * at)};
      largest = std::max(largest, n);
    }
    LAUNCH(adamwKernel, Geometry(dim3(overElements(largest, 4).blocks.x, gridSize(here)), kThreads), batch, numbers);
  }
}

// tensors, then squares [count] as float64; count, then n of each
void sumOfSquaresOp(const Launch& l) {
  const int64_t count = l.count(0);
  if (count == 0) return;
  double* squares = l.as<double>(static_cast<int>(count), count);
  Scratch<double> partial(count * kSquaresBlocks);
  for (int64_t first = 0; first < count; first += kTensors) {
    SquaresBatch batch{};
    const int64_t here = std::min<int64_t>(kTensors, count - first);
    for (int64_t i = 0; i < here; i++) {
      const int at = static_cast<int>(first + i);
      const int64_t n = l.count(1 + at);
      batch.tensors[i] = {l.floats(at, n), n};
    }
    LAUNCH(squaresPieces, Geometry(dim3(kSquaresBlocks, gridSize(here)), kThreads), batch,
           static_cast<double*>(partial) + first * kSquaresBlocks);
  }
  LAUNCH(squaresSum, overElements(count), partial, squares, count);
}

}  // namespace

void adamwOps(OpTable& table) {
  table.push_back({"AdamW", adamwOp});
  table.push_back({"SumOfSquares", sumOfSquaresOp});
}

}  // namespace cuda
}  // namespace brevity
#endif
