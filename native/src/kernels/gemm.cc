#include "gemm.h"

#include "../threads.h"
#include "finish.h"
#include "gemmTile.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

// Block sizes of a task: A's block of kDepth columns stays in the second-level cache beside the panels of B.
constexpr int64_t kDepth = 256;
constexpr int64_t kTaskRows = 384;
constexpr int64_t kTaskColumns = 4 * kColumns;
// If tasks are fewer than this, their rows are halved, so that no thread waits long for the last one.
constexpr int64_t kFewTasks = 16;
// With fewer rows than this, B is read in place: its elements are used too rarely for a copy to pay off.
constexpr int64_t kFewRows = 24;
// With so few rows and so many floats in B, reading B from memory takes most of the time, so each panel is prefetched
// while the one before it is multiplied.
constexpr int64_t kStreamedRows = 96;
constexpr int64_t kStreamed = 1 << 17;
constexpr int64_t kStreamedDepth = 1024;

bool streams(const Gemm& p) { return p.M <= kStreamedRows && p.N * p.K > kStreamed; }

// C's rows [i, i + rows), columns [j, j + columns).
template <class T>
void block(const Gemm& p, const float* A, const T* B, float* C, int64_t i, int64_t rows, int64_t j, int64_t columns,
           float* panels) {
  Right<T> right{B, p.ldb, p.transB};
  float* c = C + i * p.ldc + j;
  bool direct = !p.transB && p.M <= kFewRows;
  if (p.K == 0 && !p.accumulate)
    for (int64_t r = 0; r < rows; r++) std::memset(c + r * p.ldc, 0, sizeof(float) * columns);
  int64_t deepest = evenly(p.K, streams(p) ? kStreamedDepth : kDepth);
  for (int64_t k = 0; k < p.K; k += deepest) {
    int64_t depth = least(deepest, p.K - k);
    Left left{p.transA ? A + k * p.lda + i : A + i * p.lda + k, p.lda, p.transA};
    for (int64_t n = 0; n < columns; n += kColumns) {
      int64_t wide = least(kColumns, columns - n);
      // If B is stored as [N, K], the next panel follows in memory when its rows are whole.
      Ahead ahead;
      if (streams(p) && n + kColumns < columns) {
        if (!p.transB) ahead = aheadOf(B + k * p.ldb + j + n + kColumns, p.ldb);
        if (p.transB && depth == p.ldb) ahead = aheadOf(B + (j + n + kColumns) * p.ldb, kColumns);
      }
      bool add = p.accumulate || k > 0;
      if (direct && wide % W == 0) {
        panelProduct(rows, wide, depth, left, B + k * p.ldb + j + n, p.ldb, c + n, p.ldc, add, ahead);
      } else {
        right.pack(k, depth, j + n, wide, panels);
        panelProduct(rows, wide, depth, left, panels, kColumns, c + n, p.ldc, add, ahead);
      }
    }
  }
  if (p.bias != nullptr || p.activation != Activation::none) finish(p, c, rows, j, columns);
}

}  // namespace

void gemm(const Gemm& p) {
  if (p.M <= 0 || p.N <= 0 || p.batch <= 0) return;
  int64_t columns = streams(p) ? least(16, most(2, p.N / (8 * kColumns))) * kColumns : kTaskColumns;
  int64_t across = blocksOf(p.N, columns), panel = (streams(p) ? kStreamedDepth : kDepth) * kColumns;
  int64_t taskRows = p.batch * blocksOf(p.M, kTaskRows) * across < kFewTasks ? kTaskRows / 2 : kTaskRows;
  int64_t down = blocksOf(p.M, taskRows), rows = blocksOf(blocksOf(p.M, down), kRows) * kRows;
  int64_t tasks = p.batch * down * across;
  int workers = workersFor(tasks);
  Scratch scratch(workers * panel);
  parallel(tasks, workers, [&](int64_t task, int worker) {
    int64_t b = task / (down * across), i = task % down * rows, j = task / down % across * columns;
    if (i >= p.M) return;
    auto compute = [&](auto* B) {
      block(p, p.A + b * p.strideA, B + b * p.strideB, p.C + b * p.strideC, i, least(rows, p.M - i), j,
            least(columns, p.N - j), scratch.data() + worker * panel);
    };
    p.halfB != nullptr ? compute(p.halfB) : compute(p.B);
  });
}

}  // namespace BREVITY_NS
}  // namespace brevity
