#include "tokenLogProbs.h"

#include "../threads.h"
#include "bf16Tile.h"
#include "gemm.h"
#include "math.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

constexpr float kLowest = -3.402823466e+38f;
constexpr int64_t kDepth = W == 16 ? 256 : 320;
constexpr int64_t kTaskRows = 192;
// Columns of the vocabulary per task of the forward pass.
constexpr int64_t kTaskColumns = 1024;
// The backward pass holds logits of this many rows and columns at a time.
constexpr int64_t kSliceRows = 1024;
constexpr int64_t kSliceColumns = 1024;
// Row stride of a slice: with a power of two, one column's elements would all fall into one set of the cache.
constexpr int64_t kSliceStride = kSliceColumns + 16;

// The product of some rows of hidden states and panels of the head.
class Logits {
 public:
  // Floats of memory that `rows` rows need.
  static int64_t floats(const TokenLogProbs& p, int64_t rows) {
    return p.rounded ? kPanelWords + LeftBf16::words(rows, p.D) : kDepth * kColumns;
  }

  Logits(const TokenLogProbs& p, int64_t row, int64_t rows, float* memory)
      : p_(p), row_(row), rows_(rows), panel_(memory), scope_(p.rounded ? BREVITY_BF16_IN_USE : Bf16::none) {
    if (!p.rounded) return;
    uint32_t* words = reinterpret_cast<uint32_t*>(memory + kPanelWords);
    left_ = packLeftBf16(scope_.form(), p.hidden + row * p.D, p.D, false, rows, p.D, words);
  }

  // logits [rows, n] without bias for n ≤ kColumns columns from v on.
  void panel(int64_t v, int64_t n, float* logits, int64_t stride) const {
    if (p_.D == 0)
      for (int64_t i = 0; i < rows_; i++) std::memset(logits + i * stride, 0, sizeof(float) * static_cast<size_t>(n));
    p_.halfHead != nullptr ? product(p_.halfHead, v, n, logits, stride) : product(p_.head, v, n, logits, stride);
  }

 private:
  template <class T>
  void product(const T* head, int64_t v, int64_t n, float* logits, int64_t stride) const {
    const int64_t across = p_.headTransposed ? p_.D : p_.V;
    if (p_.rounded) {
      const RightBf16<T> right{head, across, p_.headTransposed};
      const int64_t deepest = bf16DepthOf(p_.D);
      uint32_t* panel = reinterpret_cast<uint32_t*>(panel_);
      for (int64_t k = 0; k < p_.D; k += deepest) {
        const int64_t depth = least(deepest, p_.D - k);
        right.pack(scope_.form(), k, depth, v, n, panel);
        panelProductBf16(rows_, n, depth, left_.from(k), panel, logits, stride, k > 0);
      }
      return;
    }
    const Right<T> right{head, across, p_.headTransposed};
    const int64_t deepest = evenly(p_.D, kDepth);
    for (int64_t k = 0; k < p_.D; k += deepest) {
      const int64_t depth = least(deepest, p_.D - k);
      right.pack(k, depth, v, n, panel_);
      panelProduct(rows_, n, depth, Left{p_.hidden + row_ * p_.D + k, p_.D, false}, panel_, kColumns, logits, stride,
                   k > 0);
    }
  }

  const TokenLogProbs& p_;
  const int64_t row_, rows_;
  float* const panel_;
  const Bf16Scope scope_;
  LeftBf16 left_{};
};

// A softmax's maximum and sum, kept per lane: lanes are combined only at the end of the row.
struct Running {
  float max[W], sum[W];
};

void start(Running* state) {
  store(state->max, splat(kLowest));
  store(state->sum, zero());
}

// Adds the bias to n logits and updates the state with them.
void update(Running* state, float* logits, const float* bias, int64_t n) {
  vec old = load(state->max), max = old;
  eachVector(n, [&](int64_t j, auto lanes) {
    vec x = lanes.get(logits + j);
    if (bias != nullptr) {
      x = x + lanes.get(bias + j);
      lanes.put(logits + j, x);
    }
    max = larger(max, lanes.orElse(x, splat(kLowest)));
  });
  vec sum = load(state->sum) * exponentialOf(old - max);
  eachVector(n, [&](int64_t j, auto lanes) { sum = sum + lanes.only(exponentialOf(lanes.get(logits + j) - max)); });
  store(state->max, max);
  store(state->sum, sum);
}

// Σ over v of the slice's dlogits, rows in order, added to dbias.
void addColumnSums(const float* dlogits, int64_t rows, int64_t columns, float* dbias) {
  for (int64_t i = 0; i < rows; i++)
    eachVector(columns, [&](int64_t j, auto lanes) {
      lanes.put(dbias + j, lanes.get(dbias + j) + lanes.get(dlogits + i * kSliceStride + j));
    });
}

// dlogits [rows, columns] of a slice, dy·(onehot(target) - softmax), rows kSliceStride apart.
void slice(const TokenLogProbs& p, const float* max, const float* sum, const float* dy, int64_t row, int64_t rows,
           int64_t v, int64_t columns, float* dlogits, int workers, float* memory) {
  int64_t down = blocksOf(rows, kTaskRows), across = blocksOf(columns, kColumns), tasks = down * across;
  parallel(tasks, workers, [&](int64_t task, int worker) {
    int64_t i0 = task % down * kTaskRows, m = least(kTaskRows, rows - i0);
    int64_t j0 = task / down * kColumns, n = least(kColumns, columns - j0);
    float* logits = dlogits + i0 * kSliceStride + j0;
    Logits(p, row + i0, m, memory + worker * Logits::floats(p, kTaskRows)).panel(v + j0, n, logits, kSliceStride);
    for (int64_t i = 0; i < m; i++, logits += kSliceStride) {
      int64_t at = row + i0 + i, target = p.targets[at] - v - j0;
      vec largest = splat(max[at]), c = splat(-dy[at] / sum[at]);
      eachVector(n, [&](int64_t j, auto lanes) {
        vec x = lanes.get(logits + j);
        if (p.bias != nullptr) x = x + lanes.get(p.bias + v + j0 + j);
        lanes.put(logits + j, exponentialOf(x - largest) * c);
      });
      if (target >= 0 && target < n) logits[target] += dy[at];
    }
  });
}

}  // namespace

void tokenLogProbs(const TokenLogProbs& p, float* logps, float* max, float* sum) {
  if (p.N <= 0 || p.V <= 0) return;
  int64_t down = blocksOf(p.N, kTaskRows), across = blocksOf(p.V, kTaskColumns), tasks = down * across;
  int workers = workersFor(tasks);
  const int64_t memory = Logits::floats(p, kTaskRows), buffer = memory + kTaskRows * (kColumns + 2 * W);
  Scratch scratch(workers * buffer), partial(2 * across * p.N);
  float *partialMax = partial.data(), *partialSum = partialMax + across * p.N;
  parallel(tasks, workers, [&](int64_t task, int worker) {
    int64_t row = task % down * kTaskRows, rows = least(kTaskRows, p.N - row);
    int64_t part = task / down, first = part * kTaskColumns, end = least(p.V, first + kTaskColumns);
    const Logits product(p, row, rows, scratch.data() + worker * buffer);
    float* logits = scratch.data() + worker * buffer + memory;
    Running* states = reinterpret_cast<Running*>(logits + kTaskRows * kColumns);
    for (int64_t i = 0; i < rows; i++) start(states + i);
    for (int64_t v = first; v < end; v += kColumns) {
      int64_t n = least(kColumns, end - v);
      product.panel(v, n, logits, kColumns);
      for (int64_t i = 0; i < rows; i++) {
        update(states + i, logits + i * kColumns, p.bias == nullptr ? nullptr : p.bias + v, n);
        int64_t target = p.targets[row + i] - v;
        if (target >= 0 && target < n) logps[row + i] = logits[i * kColumns + target];
      }
    }
    for (int64_t i = 0; i < rows; i++) {
      vec lanes = load(states[i].max);
      float m = largestOf(lanes);
      partialMax[part * p.N + row + i] = m;
      partialSum[part * p.N + row + i] = sumOf(load(states[i].sum) * exponentialOf(lanes - splat(m)));
    }
  });
  for (int64_t n = 0; n < p.N; n++) {
    float m = kLowest;
    for (int64_t part = 0; part < across; part++) {
      float x = partialMax[part * p.N + n];
      m = x > m ? x : m;
    }
    double s = 0;
    for (int64_t part = 0; part < across; part++) {
      double off = static_cast<double>(partialMax[part * p.N + n]) - static_cast<double>(m);
      s += static_cast<double>(partialSum[part * p.N + n]) * __builtin_exp(off);
    }
    max[n] = m;
    sum[n] = static_cast<float>(s);
    logps[n] = static_cast<float>(static_cast<double>(logps[n]) - static_cast<double>(m) - __builtin_log(s));
  }
}

void tokenLogProbsGrad(const TokenLogProbs& p, const float* max, const float* sum, const float* dy, float* dhidden,
                       float* dhead, float* dbias, bool accumulateHead) {
  if (dhead != nullptr && !accumulateHead && p.N <= 0) std::memset(dhead, 0, sizeof(float) * static_cast<size_t>(p.D * p.V));
  if (dbias != nullptr && !accumulateHead) std::memset(dbias, 0, sizeof(float) * static_cast<size_t>(p.V));
  if (p.N <= 0 || p.V <= 0) return;
  int workers = threads();
  Scratch slices(least(p.N, kSliceRows) * kSliceStride), memory(workers * Logits::floats(p, kTaskRows));
  const auto multiply = p.rounded ? gemmBf16 : gemm;
  float* dlogits = slices.data();
  for (int64_t row = 0; row < p.N; row += kSliceRows) {
    int64_t rows = least(kSliceRows, p.N - row);
    for (int64_t v = 0; v < p.V; v += kSliceColumns) {
      int64_t columns = least(kSliceColumns, p.V - v);
      slice(p, max, sum, dy, row, rows, v, columns, dlogits, workers, memory.data());
      Gemm product;
      if (dhidden != nullptr) {
        product.M = rows, product.N = p.D, product.K = columns;
        product.A = dlogits, product.lda = kSliceStride;
        const int64_t at = p.headTransposed ? v * p.D : v;
        product.B = p.head + at;
        if (p.halfHead != nullptr) product.halfB = p.halfHead + at;
        product.ldb = p.headTransposed ? p.D : p.V, product.transB = !p.headTransposed;
        product.C = dhidden + row * p.D, product.ldc = p.D;
        product.accumulate = v > 0;
        multiply(product);
      }
      if (dhead != nullptr) {
        product = Gemm();
        product.K = rows, product.transA = true;
        product.accumulate = accumulateHead || row > 0;
        const float* hidden = p.hidden + row * p.D;
        if (p.headTransposed) {
          product.M = columns, product.A = dlogits, product.lda = kSliceStride;
          product.N = p.D, product.B = hidden, product.ldb = p.D;
          product.C = dhead + v * p.D, product.ldc = p.D;
        } else {
          product.M = p.D, product.A = hidden, product.lda = p.D;
          product.N = columns, product.B = dlogits, product.ldb = kSliceStride;
          product.C = dhead + v, product.ldc = p.V;
        }
        multiply(product);
      }
      if (dbias != nullptr) addColumnSums(dlogits, rows, columns, dbias + v);
    }
  }
}

}  // namespace BREVITY_NS
}  // namespace brevity
