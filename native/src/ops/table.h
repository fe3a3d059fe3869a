// Builds the cpu device's table of ops, with one function per group.
#pragma once
#include "../device.h"
#include "../elements/shape.h"
#include "../kernels/gemm.h"

namespace brevity {

using OpTable = std::vector<OpEntry>;

void addElementwiseOps(OpTable& table);
void addShapeOps(OpTable& table);
void addReduceOps(OpTable& table);
// `rounded`: products round their operands to bfloat16.
void addMatMulOps(OpTable& table, bool rounded);
void addModelOps(OpTable& table);
void addPackedOps(OpTable& table);
void addTrainingOps(OpTable& table, bool rounded);

// Params from `at` on: rank, dims, strides in buffer a, strides in buffer b.
Strides stridesAt(const Launch& launch, int at);

// The product that a launch of MatMul or of one of its forms requests: buffers a, b, bias [N] if hasBias, c; params
// batch, strideA, strideB, M, N, K, transA, transB, hasBias, activation, alpha. a [batch or 1, M, K] or [.., K, M] if
// transA, in bfloat16 if `halfA`; b likewise; c [batch, M, N]. A stride of 0 shares the operand.
Gemm matMulOf(const Launch& launch, bool halfA, bool halfB);

// Throws if strides, from `offset` on, reach outside a buffer of elements of `width` bytes.
void expectWithin(const Launch& launch, int buffer, int width, int64_t offset, const Strides& dims,
                  const int64_t* strides);

inline int64_t sizeOf(const Strides& s) {
  int64_t size = 1;
  for (int i = 0; i < s.rank; i++) size *= s.dims[i];
  return size;
}

}  // namespace brevity
