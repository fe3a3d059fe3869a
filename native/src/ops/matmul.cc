// Matrix products. Buffers and params of each op stand in its comment.
#include "../kernels/gemm.h"
#include "table.h"

namespace brevity {
namespace {

// a, b, bias [N] where hasBias, c; batch, strideA, strideB, M, N, K, transA, transB, hasBias, activation, alpha.
// a [batch or 1, M, K] or [.., K, M] where transA; b likewise; c [batch, M, N]. A stride of 0 shares the operand.
// MatMul/bf16 has b in bfloat16.
template <bool half>
void matMulOp(const Launch& l) {
  Gemm g;
  g.batch = l.count(0);
  g.strideA = l.count(1);
  g.strideB = l.count(2);
  g.M = l.count(3);
  g.N = l.count(4);
  g.K = l.count(5);
  g.transA = l.number(6) != 0;
  g.transB = l.number(7) != 0;
  const int64_t activation = l.integer(9);
  if (activation < 0 || activation > static_cast<int64_t>(Activation::leakyRelu)) l.fail("has an unknown activation");
  g.activation = static_cast<Activation>(activation);
  g.alpha = static_cast<float>(l.number(10));
  if (g.batch == 0) return;
  g.A = l.floats(0, (g.batch - 1) * g.strideA + g.M * g.K);
  const int64_t sizeB = (g.batch - 1) * g.strideB + g.K * g.N;
  if (half) {
    g.halfB = l.halves(1, sizeB);
  } else {
    g.B = l.floats(1, sizeB);
  }
  const bool hasBias = l.number(8) != 0;
  if (hasBias) g.bias = l.floats(2, g.N);
  g.C = l.floats(hasBias ? 3 : 2, g.batch * g.M * g.N);
  g.lda = g.transA ? g.M : g.K;
  g.ldb = g.transB ? g.K : g.N;
  g.ldc = g.N;
  g.strideC = g.M * g.N;
  gemm(g);
}

}  // namespace

void addMatMulOps(OpTable& table) {
  table.push_back({"MatMul", matMulOp<false>});
  table.push_back({"MatMul/bf16", matMulOp<true>});
}

}  // namespace brevity
