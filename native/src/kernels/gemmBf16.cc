#include "gemm.h"

#include "../threads.h"
#include "bf16Tile.h"
#include "finish.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

// Block sizes of a task: A's block stays in the second-level cache beside a panel of B.
constexpr int64_t kTaskRows = 384;
constexpr int64_t kTaskColumns = 4 * kPairColumns;
constexpr int64_t kFewTasks = 16;

template <class A, class B>
void block(const Gemm& p, Bf16 form, const A* a, const B* b, float* C, int64_t i, int64_t rows, int64_t j,
           int64_t columns, uint32_t* scratch) {
  float* c = C + i * p.ldc + j;
  if (p.K == 0 && !p.accumulate)
    for (int64_t r = 0; r < rows; r++) std::memset(c + r * p.ldc, 0, sizeof(float) * static_cast<size_t>(columns));
  const Bf16Scope scope(form);
  const RightBf16<B> right{b, p.ldb, p.transB};
  const int64_t deepest = bf16DepthOf(p.K);
  uint32_t *panel = scratch, *left = scratch + kPanelWords;
  for (int64_t k = 0; k < p.K; k += deepest) {
    const int64_t depth = least(deepest, p.K - k);
    const A* x = p.transA ? a + k * p.lda + i : a + i * p.lda + k;
    const LeftBf16 packed = packLeftBf16(form, x, p.lda, p.transA, rows, depth, left);
    for (int64_t n = 0; n < columns; n += kPairColumns) {
      const int64_t wide = least(kPairColumns, columns - n);
      right.pack(form, k, depth, j + n, wide, panel);
      panelProductBf16(rows, wide, depth, packed, panel, c + n, p.ldc, p.accumulate || k > 0);
    }
  }
  finish(p, c, rows, j, columns);
}

}  // namespace

void gemmBf16(const Gemm& p) {
  if (p.M <= 0 || p.N <= 0 || p.batch <= 0) return;
  const Bf16 form = BREVITY_BF16_IN_USE;
  const int64_t across = blocksOf(p.N, kTaskColumns);
  const int64_t taskRows = p.batch * blocksOf(p.M, kTaskRows) * across < kFewTasks ? kTaskRows / 2 : kTaskRows;
  const int64_t rows = evenBlocks(p.M, taskRows, bf16TileRows(form)), down = blocksOf(p.M, rows);
  const int64_t tasks = p.batch * down * across;
  const int workers = workersFor(tasks);
  // A panel of B, then A's block.
  const int64_t floats = kPanelWords + LeftBf16::words(rows, kBf16Depth);
  Scratch scratch(workers * floats);
  parallel(tasks, workers, [&](int64_t task, int worker) {
    const int64_t b = task / (down * across), i = task % down * rows, j = task / down % across * kTaskColumns;
    const int64_t m = least(rows, p.M - i), n = least(kTaskColumns, p.N - j);
    uint32_t* memory = reinterpret_cast<uint32_t*>(scratch.data() + worker * floats);
    float* C = p.C + b * p.strideC;
    auto with = [&](auto* A, auto* B) { block(p, form, A + b * p.strideA, B + b * p.strideB, C, i, m, j, n, memory); };
    if (p.halfA != nullptr) {
      p.halfB != nullptr ? with(p.halfA, p.halfB) : with(p.halfA, p.B);
    } else {
      p.halfB != nullptr ? with(p.A, p.halfB) : with(p.A, p.B);
    }
  });
}

}  // namespace BREVITY_NS
}  // namespace brevity
