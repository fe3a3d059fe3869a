// Matrix products.
#include "table.h"

namespace brevity {

Gemm matMulOf(const Launch& l, bool halfA, bool halfB) {
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
  if (g.batch == 0) return g;
  const int64_t sizeA = (g.batch - 1) * g.strideA + g.M * g.K;
  if (halfA) {
    g.halfA = l.halves(0, sizeA);
  } else {
    g.A = l.floats(0, sizeA);
  }
  const int64_t sizeB = (g.batch - 1) * g.strideB + g.K * g.N;
  if (halfB) {
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
  return g;
}

template <bool halfA, bool halfB>
static void matMulOp(const Launch& l) {
  gemm(matMulOf(l, halfA, halfB));
}
template <bool halfA, bool halfB>
static void matMulRoundedOp(const Launch& l) {
  gemmBf16(matMulOf(l, halfA, halfB));
}

void addMatMulOps(OpTable& table, bool rounded) {
  table.push_back({"MatMul", rounded ? matMulRoundedOp<false, false> : matMulOp<false, false>});
  table.push_back({"MatMul/bf16", rounded ? matMulRoundedOp<false, true> : matMulOp<false, true>});
  if (!rounded) return;
  table.push_back({"MatMul/bf16a", matMulRoundedOp<true, false>});
  table.push_back({"MatMul/bf16ab", matMulRoundedOp<true, true>});
}

}  // namespace brevity
