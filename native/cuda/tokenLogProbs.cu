// log π(token) straight from hidden states and its gradient (../src/kernels/tokenLogProbs.h). Logits exist only for a
// tile of rows and vocabulary at a time, by a matrix product each; the gradient computes them again.
#include "block.h"

// Takes a tile's logits [rows, V] into the running maximum, Σ exp(logit - maximum) and the target's logit of each row.
// The tile's columns are the tokens from `first` on. A block a row.
KERNEL takeLogits(const float* logits, const int32_t* targets, float* max, double* sum, float* at, int64_t V,
                  int64_t first) {
  const int64_t row = blockIdx.x;
  const float* from = logits + row * V;
  float most = -INFINITE;
  for (int64_t i = threadIdx.x; i < V; i += kThreads) most = larger(most, from[i]);
  const float before = first == 0 ? -INFINITE : max[row];
  most = larger(before, blockMax(most));
  double total = 0;
  for (int64_t i = threadIdx.x; i < V; i += kThreads) total += expf(from[i] - most);
  total = blockSum(total);
  // All have read max[row]: blockSum waits for all.
  if (threadIdx.x != 0) return;
  if (first > 0) total += sum[row] * exp(static_cast<double>(before) - most);
  max[row] = most;
  sum[row] = total;
  const int64_t target = targets[row] - first;
  if (target >= 0 && target < V) at[row] = from[target];
}

KERNEL finishLogProbs(const int32_t* targets, const float* max, const double* sums, const float* at, float* logps,
                      float* sum, int64_t N, int64_t V, Fault* fault) {
  for (EACH(i, N)) {
    if (targets[i] < 0 || targets[i] >= V) {
      report(fault, targetFault, targets[i], V);
      logps[i] = NOT_A_NUMBER;
    } else {
      logps[i] = static_cast<float>(static_cast<double>(at[i]) - max[i] - log(sums[i]));
    }
    sum[i] = static_cast<float>(sums[i]);
  }
}

// A tile of logits becomes dy·(onehot(target) - softmax), in place, n at a time; V is a multiple of n.
template <int n>
DEVICE void gradOfLogits(float* logits, const int32_t* targets, const float* max, const float* sum, const float* dy,
                         int64_t N, int64_t V, int64_t first) {
  for (EACH(i, N * V / n)) {
    const Division at = divide(i, V / n);
    const int64_t row = at.whole;
    const float most = max[row], total = sum[row], scale = dy[row];
    int64_t after = targets[row] - first - at.rest * n;
    mapPack<n>(logits + i * n, [&](float logit) {
      return scale * ((after-- == 0 ? 1.0f : 0.0f) - expf(logit - most) / total);
    }, packAt<n>(logits + i * n));
  }
}
KERNEL logitsGrad(float* logits, const int32_t* targets, const float* max, const float* sum, const float* dy, int64_t N,
                  int64_t V, int64_t first) {
  gradOfLogits<1>(logits, targets, max, sum, dy, N, V, first);
}
KERNEL logitsGradPacks(float* logits, const int32_t* targets, const float* max, const float* sum, const float* dy,
                       int64_t N, int64_t V, int64_t first) {
  gradOfLogits<4>(logits, targets, max, sum, dy, N, V, first);
}

#if BREVITY_HOST
#include <algorithm>

namespace brevity {
namespace cuda {
namespace {

// Of a tile: 128 MiB of logits.
constexpr int64_t kRowsOfTile = 4096, kTokensOfTile = 8192;

struct Head {
  int64_t N, D, V;
  bool transposed;
  const float *hidden, *head = nullptr;
  const uint16_t* halfHead = nullptr;  // one of both
  const int32_t* targets;

  // hidden, head (in bfloat16 where half), targets as buffers 0 to 2; N, D, V, headTransposed
  Head(const Launch& l, bool half)
      : N(l.count(0)), D(l.count(1)), V(l.count(2)), transposed(l.number(3) != 0), hidden(l.floats(0, N * D)),
        targets(l.ints(2, N)) {
    if (half) halfHead = l.halves(1, D * V);
    else head = l.floats(1, D * V);
  }

  // Where the tokens from `token` on begin in the head or its gradient, [D, V] or [V, D].
  int64_t at(int64_t token) const { return transposed ? token * D : token; }
  int64_t stride() const { return transposed ? D : V; }
  // The tokens from `token` on as the product's right side.
  void right(Gemm* g, int64_t token) const {
    if (halfHead != nullptr) g->halfB = halfHead + at(token);
    else g->B = head + at(token);
    g->ldb = stride();
  }
};

// logits [rows, tokens] of a tile
void tileLogits(const Head& h, int64_t row, int64_t rows, int64_t token, int64_t tokens, float* logits) {
  Gemm g;
  g.M = rows;
  g.N = tokens;
  g.K = h.D;
  g.A = h.hidden + row * h.D;
  g.lda = h.D;
  h.right(&g, token);
  g.transB = h.transposed;
  g.C = logits;
  g.ldc = tokens;
  product(g);
}

// f(row, rows, token, tokens) for every tile, all of a row's tokens one after the other
template <typename F>
void eachTile(const Head& h, const F& f) {
  for (int64_t row = 0; row < h.N; row += kRowsOfTile)
    for (int64_t token = 0; token < h.V; token += kTokensOfTile)
      f(row, std::min(kRowsOfTile, h.N - row), token, std::min(kTokensOfTile, h.V - token));
}

// hidden, head, targets, logps, max, sum; N, D, V, headTransposed
template <bool half>
void tokenLogProbsOp(const Launch& l) {
  const Head h(l, half);
  float *logps = l.floats(3, h.N), *max = l.floats(4, h.N), *sum = l.floats(5, h.N);
  if (h.N == 0) return;
  if (h.V == 0) l.fail("has no vocabulary");
  Scratch<float> logits(std::min(kRowsOfTile, h.N) * std::min(kTokensOfTile, h.V)), at(h.N);
  Scratch<double> sums(h.N);
  eachTile(h, [&](int64_t row, int64_t rows, int64_t token, int64_t tokens) {
    tileLogits(h, row, rows, token, tokens, logits);
    LAUNCH(takeLogits, Geometry(gridSize(rows), kThreads), logits, h.targets + row, max + row, sums + row, at + row,
           tokens, token);
  });
  LAUNCH(finishLogProbs, overElements(h.N), h.targets, max, sums, at, logps, sum, h.N, h.V,
         static_cast<Fault*>(stream().fault()));
}

// hidden, head, targets, max, sum, dy, dhidden and, where trainsHead, dhead; N, D, V, headTransposed, trainsHead
// A head in bfloat16 is frozen.
template <bool half>
void tokenLogProbsGradOp(const Launch& l) {
  const Head h(l, half);
  const bool trainsHead = l.number(4) != 0;
  if (half && trainsHead) l.fail("has a frozen head, which is not trained");
  const float *max = l.floats(3, h.N), *sum = l.floats(4, h.N), *dy = l.floats(5, h.N);
  float* dhidden = l.floats(6, h.N * h.D);
  float* dhead = trainsHead ? l.floats(7, h.D * h.V) : nullptr;
  if (h.N == 0 && trainsHead) fillZeros(dhead, h.D * h.V);
  if (h.N == 0) return;
  Scratch<float> logits(std::min(kRowsOfTile, h.N) * std::min(kTokensOfTile, h.V));
  eachTile(h, [&](int64_t row, int64_t rows, int64_t token, int64_t tokens) {
    tileLogits(h, row, rows, token, tokens, logits);
    if (tokens % 4 == 0)
      LAUNCH(logitsGradPacks, overElements(rows * tokens, 4), logits, h.targets + row, max + row, sum + row, dy + row,
             rows, tokens, token);
    else
      LAUNCH(logitsGrad, overElements(rows * tokens), logits, h.targets + row, max + row, sum + row, dy + row, rows,
             tokens, token);
    // dhidden = dlogits·headᵀ
    Gemm g;
    g.M = rows;
    g.N = h.D;
    g.K = tokens;
    g.A = logits;
    g.lda = tokens;
    h.right(&g, token);
    g.transB = !h.transposed;
    g.C = dhidden + row * h.D;
    g.ldc = h.D;
    g.accumulate = token > 0;
    product(g);
    if (!trainsHead) return;
    // dhead = hiddenᵀ·dlogits, or dlogitsᵀ·hidden
    Gemm w;
    w.M = h.transposed ? tokens : h.D;
    w.N = h.transposed ? h.D : tokens;
    w.K = rows;
    w.A = h.transposed ? static_cast<const float*>(logits) : h.hidden + row * h.D;
    w.lda = h.transposed ? tokens : h.D;
    w.transA = true;
    w.B = h.transposed ? h.hidden + row * h.D : static_cast<const float*>(logits);
    w.ldb = h.transposed ? h.D : tokens;
    w.C = dhead + h.at(token);
    w.ldc = h.stride();
    w.accumulate = row > 0;
    product(w);
  });
}

}  // namespace

void tokenLogProbsOps(OpTable& table) {
  table.push_back({"TokenLogProbs", tokenLogProbsOp<false>});
  table.push_back({"TokenLogProbs/bf16", tokenLogProbsOp<true>});
  table.push_back({"TokenLogProbsGrad", tokenLogProbsGradOp<false>});
  table.push_back({"TokenLogProbsGrad/bf16", tokenLogProbsGradOp<true>});
}

}  // namespace cuda
}  // namespace brevity
#endif
