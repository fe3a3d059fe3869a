// Matrix product in all transpositions.
#pragma once
#include "kernel.h"

namespace brevity {

enum class Activation { none, relu, relu6, sigmoid, silu, gelu, geluTanh, elu, leakyRelu };

// C [batch, M, N] = activation(op(A)·op(B) + bias), or activation(C + op(A)·op(B) + bias) if `accumulate`. op(A) [M, K]
// is stored as [M, K] rows `lda` apart, or as [K, M] if `transA`; op(B) [K, N] as [K, N], or as [N, K] if `transB`; C
// as [M, N] rows `ldc` apart. Every element sums over k in order, so a row's result depends neither on M nor on whether
// B is float32 or the same values in bfloat16. C must not overlap A or B. K = 0 gives activation(bias).
struct Gemm {
  int64_t M = 0, N = 0, K = 0;
  const float* A = nullptr;
  const uint16_t* halfA = nullptr;  // replaces A if not null, in bfloat16; in gemmBf16 and on CUDA devices only
  int64_t lda = 0;
  bool transA = false;
  const float* B = nullptr;
  const uint16_t* halfB = nullptr;  // replaces B if not null, in bfloat16
  int64_t ldb = 0;
  bool transB = false;
  float* C = nullptr;
  int64_t ldc = 0;
  bool accumulate = false;
  const float* bias = nullptr;  // [N]
  Activation activation = Activation::none;
  float alpha = 0.2f;  // leakyRelu's slope below zero
  // Products in a batch; strides in elements, 0 shares an operand.
  int64_t batch = 1, strideA = 0, strideB = 0, strideC = 0;
};

BREVITY_KERNEL(gemm, (const Gemm& product));

// The same with both operands rounded to bfloat16 and sums in float32 (bf16Tile.h).
BREVITY_KERNEL(gemmBf16, (const Gemm& product));

}  // namespace brevity
