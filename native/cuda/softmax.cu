// Softmax over rows, and the two halves of a log-softmax at one target a row (../src/kernels/softmax.h). A block a row;
// sums in float64.
#include "block.h"

DEVICE float rowMax(const float* row, int64_t V) {
  float most = -INFINITE;
  for (int64_t i = threadIdx.x; i < V; i += kThreads) most = larger(most, row[i]);
  return blockMax(most);
}
DEVICE double rowExpSum(const float* row, int64_t V, float most) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < V; i += kThreads) sum += expf(row[i] - most);
  return blockSum(sum);
}

// y may be x: each element is read for the last time by the thread that writes it.
KERNEL softmaxRows(const float* x, float* y, int64_t V) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * V;
  const float most = rowMax(x + at, V);
  const double scale = 1 / rowExpSum(x + at, V, most);
  for (int64_t i = threadIdx.x; i < V; i += kThreads) y[at + i] = static_cast<float>(expf(x[at + i] - most) * scale);
}
KERNEL logSoftmaxRows(const float* x, float* y, int64_t V) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * V;
  const float most = rowMax(x + at, V);
  const float rest = static_cast<float>(log(rowExpSum(x + at, V, most)));
  for (int64_t i = threadIdx.x; i < V; i += kThreads) y[at + i] = x[at + i] - most - rest;
}

KERNEL logSoftmaxStatsRows(const float* logits, const int32_t* targets, float* max, float* sum, float* at, int64_t V,
                           Fault* fault) {
  const int64_t row = blockIdx.x;
  const float most = rowMax(logits + row * V, V);
  const double total = rowExpSum(logits + row * V, V, most);
  if (threadIdx.x != 0) return;
  max[row] = most;
  sum[row] = static_cast<float>(total);
  at[row] = logits[row * V + checked(fault, targetFault, targets[row], V)];
}

// dlogits may be the logits.
KERNEL logSoftmaxGradRows(const float* logits, const int32_t* targets, const float* max, const float* sum,
                          const float* dy, float* dlogits, int64_t N, int64_t V) {
  for (EACH(i, N * V)) {
    const int64_t row = i / V;
    const float p = expf(logits[i] - max[row]) / sum[row];
    dlogits[i] = dy[row] * ((targets[row] == i % V ? 1.0f : 0.0f) - p);
  }
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {

void softmaxOps(OpTable& table) {
  // x, y; N, V
  table.push_back({"Softmax", [](const Launch& l) {
                     const int64_t N = l.count(0), V = l.count(1);
                     if (N == 0) return;
                     LAUNCH(softmaxRows, Geometry(gridSize(N), kThreads), l.floats(0, N * V), l.floats(1, N * V), V);
                   }});
  table.push_back({"LogSoftmax", [](const Launch& l) {
                     const int64_t N = l.count(0), V = l.count(1);
                     if (N == 0) return;
                     LAUNCH(logSoftmaxRows, Geometry(gridSize(N), kThreads), l.floats(0, N * V), l.floats(1, N * V), V);
                   }});
  // logits, targets, max, sum, at; N, V
  table.push_back({"LogSoftmaxStats", [](const Launch& l) {
                     const int64_t N = l.count(0), V = l.count(1);
                     if (N == 0) return;
                     LAUNCH(logSoftmaxStatsRows, Geometry(gridSize(N), kThreads), l.floats(0, N * V), l.ints(1, N),
                            l.floats(2, N), l.floats(3, N), l.floats(4, N), V, static_cast<Fault*>(stream().fault()));
                   }});
  // logits, targets, max, sum, dy, dlogits; N, V
  table.push_back({"LogSoftmaxGrad", [](const Launch& l) {
                     const int64_t N = l.count(0), V = l.count(1);
                     LAUNCH(logSoftmaxGradRows, overElements(N * V), l.floats(0, N * V), l.ints(1, N), l.floats(2, N),
                            l.floats(3, N), l.floats(4, N), l.floats(5, N * V), N, V);
                   }});
}

}  // namespace cuda
}  // namespace brevity
#endif
