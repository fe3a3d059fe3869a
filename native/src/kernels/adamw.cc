#include "adamw.h"

#include "../threads.h"
#include "simd.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

// Elements per task: the list's tensors are divided into pieces of this size, so that small and large ones balance.
constexpr int64_t kPiece = 32768;

void update(const AdamWTensor& t, int64_t first, int64_t n, const AdamWStep& s) {
  float *p = t.param + first, *m = t.m + first, *v = t.v + first;
  const float* g = t.grad + first;
  vec scale = splat(static_cast<float>(s.gradScale));
  vec b1 = splat(static_cast<float>(s.beta1)), n1 = splat(static_cast<float>(1 - s.beta1));
  vec b2 = splat(static_cast<float>(s.beta2)), n2 = splat(static_cast<float>(1 - s.beta2));
  vec keep = splat(static_cast<float>(1 - s.lr * t.weightDecay)), eps = splat(static_cast<float>(s.eps));
  vec step = splat(static_cast<float>(s.lr / s.biasCorrection1));
  vec rootBias = splat(static_cast<float>(1 / __builtin_sqrt(s.biasCorrection2)));
  eachVector(n, [&](int64_t i, auto lanes) {
    vec grad = lanes.get(g + i) * scale;
    vec m2 = fma(lanes.get(m + i), b1, grad * n1);
    vec v2 = fma(lanes.get(v + i), b2, grad * grad * n2);
    lanes.put(m + i, m2);
    lanes.put(v + i, v2);
    vec denominator = fma(root(v2), rootBias, eps);
    lanes.put(p + i, fnma(step, m2 / denominator, lanes.get(p + i) * keep));
  });
}

// Finds the tensor and offset of a piece: pieces are numbered over the whole list, and each tensor's last one is
// shorter.
template <class Size>
int64_t tensorOf(int64_t piece, int64_t count, const Size& size, int64_t* first) {
  for (int64_t i = 0; i < count; i++) {
    int64_t pieces = blocksOf(size(i), kPiece);
    if (piece < pieces) {
      *first = piece * kPiece;
      return i;
    }
    piece -= pieces;
  }
  return -1;
}

double squaresIn(const float* x, int64_t n) {
  double sum = 0;
  // Sums in float32 within short runs, in float64 across them.
  for (int64_t i = 0; i < n; i += 1024) {
    sum += static_cast<double>(sumOver(least(1024, n - i), [&](int64_t j, auto lanes) {
      vec v = lanes.get(x + i + j);
      return v * v;
    }));
  }
  return sum;
}

}  // namespace

void adamw(const AdamWTensor* tensors, int64_t count, const AdamWStep& step) {
  auto size = [&](int64_t i) { return tensors[i].n; };
  int64_t tasks = 0;
  for (int64_t i = 0; i < count; i++) tasks += blocksOf(size(i), kPiece);
  parallel(tasks, workersFor(tasks), [&](int64_t task, int) {
    int64_t first = 0, i = tensorOf(task, count, size, &first);
    update(tensors[i], first, least(kPiece, size(i) - first), step);
  });
}

void sumOfSquares(const float* const* tensors, const int64_t* n, int64_t count, double* squares) {
  auto size = [&](int64_t i) { return n[i]; };
  int64_t tasks = 0;
  for (int64_t i = 0; i < count; i++) tasks += blocksOf(size(i), kPiece);
  Scratch scratch(2 * tasks);
  double* sums = reinterpret_cast<double*>(scratch.data());
  parallel(tasks, workersFor(tasks), [&](int64_t task, int) {
    int64_t first = 0, i = tensorOf(task, count, size, &first);
    sums[task] = squaresIn(tensors[i] + first, least(kPiece, size(i) - first));
  });
  for (int64_t i = 0, task = 0; i < count; i++) {
    squares[i] = 0;
    for (int64_t last = task + blocksOf(n[i], kPiece); task < last; task++) squares[i] += sums[task];
  }
}

}  // namespace BREVITY_NS
}  // namespace brevity
