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

// Block sizes of a task that copies A's block, and kPanels panels of B at a time (kPacksLeft): the copy of A fills most
// of a second-level cache of 512 KiB, a panel more than half of a first-level one of 32 KiB.
constexpr int64_t kPanels = 4;
constexpr int64_t kPackedDepth = 320;
constexpr int64_t kPackedRows = 240;
constexpr int64_t kPackedColumns = 16 * kColumns;
// Tasks are not made smaller than this.
constexpr int64_t kLeastRows = 96;
constexpr int64_t kLeastColumns = kPanels * kColumns;

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
}

// The same from copies, for K > 0. Memory: kPanels panels of kPackedDepth rows, then A's copy.
template <class T>
void packedBlock(const Gemm& p, const float* A, const T* B, float* C, int64_t i, int64_t rows, int64_t j, int64_t columns,
                 float* memory) {
  const Right<T> right{B, p.ldb, p.transB};
  float* c = C + i * p.ldc + j;
  float *panels = memory, *copy = memory + kPanels * kPackedDepth * kColumns;
  const int64_t deepest = evenly(p.K, kPackedDepth);
  for (int64_t k = 0; k < p.K; k += deepest) {
    const int64_t depth = least(deepest, p.K - k);
    const Left left = packLeft({p.transA ? A + k * p.lda + i : A + i * p.lda + k, p.lda, p.transA}, rows, depth, copy);
    for (int64_t n = 0; n < columns; n += kPanels * kColumns) {
      const int64_t wide = least(kPanels * kColumns, columns - n);
      right.pack(k, depth, j + n, wide, panels);
      for (int64_t at = 0; at < wide; at += kColumns)
        panelProduct(rows, least(kColumns, wide - at), depth, left, panels + at * depth, kColumns, c + n + at, p.ldc,
                     p.accumulate || k > 0);
    }
  }
}

// The part of C that a task computes.
struct TaskSize {
  int64_t rows, columns;
};

TaskSize taskSize(const Gemm& p) {
  const int64_t columns = streams(p) ? least(16, most(2, p.N / (8 * kColumns))) * kColumns : kTaskColumns;
  const bool few = p.batch * blocksOf(p.M, kTaskRows) * blocksOf(p.N, columns) < kFewTasks;
  return {evenBlocks(p.M, few ? kTaskRows / 2 : kTaskRows, kRows), columns};
}

// As large as possible, since copies are then used most often, but so that all threads end at about the same time.
TaskSize packedTaskSize(const Gemm& p) {
  int64_t rows = kPackedRows, columns = kPackedColumns;
  for (;;) {
    const TaskSize size{evenBlocks(p.M, rows, kRows), evenBlocks(p.N, columns, kColumns)};
    const int64_t tasks = p.batch * blocksOf(p.M, size.rows) * blocksOf(p.N, size.columns);
    const bool level = blocksOf(tasks, threads()) * threads() * 15 <= tasks * 16;
    const bool smallest = size.rows <= kLeastRows && size.columns <= kLeastColumns;
    if (level || smallest) return size;
    const bool halveRows = size.columns <= kLeastColumns || size.rows > size.columns;
    (halveRows ? rows : columns) = (halveRows ? size.rows : size.columns) / 2;
  }
}

}  // namespace

void gemm(const Gemm& p) {
  if (p.M <= 0 || p.N <= 0 || p.batch <= 0) return;
  const bool packs = kPacksLeft && !streams(p) && p.M > kFewRows && p.N >= kLeastColumns && p.K > 0;
  const TaskSize size = packs ? packedTaskSize(p) : taskSize(p);
  const int64_t down = blocksOf(p.M, size.rows), across = blocksOf(p.N, size.columns), tasks = p.batch * down * across;
  const int workers = workersFor(tasks);
  const int64_t packed = kPanels * kPackedDepth * kColumns + packedLeftFloats(size.rows, kPackedDepth);
  const int64_t panel = (streams(p) ? kStreamedDepth : kDepth) * kColumns, memory = packs ? packed : panel;
  Scratch scratch(workers * memory);
  parallel(tasks, workers, [&](int64_t task, int worker) {
    const int64_t b = task / (down * across), i = task % down * size.rows, j = task / down % across * size.columns;
    const int64_t rows = least(size.rows, p.M - i), columns = least(size.columns, p.N - j);
    const float* A = p.A + b * p.strideA;
    float *C = p.C + b * p.strideC, *own = scratch.data() + worker * memory;
    auto compute = [&](auto* B) {
      packs ? packedBlock(p, A, B, C, i, rows, j, columns, own) : block(p, A, B, C, i, rows, j, columns, own);
    };
    p.halfB != nullptr ? compute(p.halfB + b * p.strideB) : compute(p.B + b * p.strideB);
    finish(p, C + i * p.ldc + j, rows, j, columns);
  });
}

}  // namespace BREVITY_NS
}  // namespace brevity
