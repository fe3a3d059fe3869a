// The table of ops of the CUDA devices: the same names, buffers and params as the cpu device's (../src/ops/), one .cu
// file per op or family of ops.
#pragma once
#include "../src/elements/shape.h"
#include "../src/kernels/gemm.h"
#include "../src/ops/table.h"

namespace brevity {
namespace cuda {

#define BREVITY_CUDA_OPS(X)                                                                                       \
  X(activations) X(adamw) X(attention) X(attentionDecode) X(attentionGrad) X(bfloat16) X(binary) X(convert)       \
  X(embedding) X(gather) X(layerNorm) X(product) X(reduce) X(rmsNorm) X(rope) X(sampling) X(scan) X(shape)      \
  X(softmax) X(tokenLogProbs) X(topK) X(unary)

// Files of kernels: those of ops, and those whose kernels other files launch.
#define BREVITY_CUDA_MODULES(X) BREVITY_CUDA_OPS(X) X(attentionMma) X(attentionGradMma) X(gemm) X(gemmMma)

#define DECLARE(name) void name##Ops(OpTable& table);
BREVITY_CUDA_OPS(DECLARE)
#undef DECLARE

// Functions that ops share.

// Writes n zero words.
void fillZeros(void* memory, int64_t n);
// Copies n words.
void copyWordsOf(void* to, const void* from, int64_t n);
// y [size, inner] = Σ of the rows of x [rows, inner] by ids [rows], in the rows' order. Ids outside [0, size) are
// ignored; if `strict`, an id that is not below size is a fault.
void sumRows(const float* x, const int32_t* ids, float* y, int64_t rows, int64_t size, int64_t inner, bool strict);
void sumRows(const int32_t* x, const int32_t* ids, int32_t* y, int64_t rows, int64_t size, int64_t inner, bool strict);
// y [batch, rows, cols], rows ldY apart, from x with rows ld apart and matrices stride apart: rounded to bfloat16,
// widened to float32, or unchanged.
struct MatrixRows {
  int64_t batch, rows, cols, ld, stride, ldY;
};
void roundRows(const float* x, uint16_t* y, const MatrixRows& rows);
void widenRows(const uint16_t* x, float* y, const MatrixRows& rows);
void copyRows(const uint16_t* x, uint16_t* y, const MatrixRows& rows);
// Matrix products (../src/kernels/gemm.h), by the vendor's library if the stream has it. Pointers are the device's.
void product(const Gemm& gemm);

// C = op(A)·op(B) (+ C) by our own kernels, without bias and activation: from A and from B or halfB, in the stream's
// precision if that is float32 or tf32; or from halfA and halfB on tensor cores, with rows and matrices that begin at
// multiples of 16 bytes.
void productOfFloats(const Gemm& gemm);
void productOfHalves(const Gemm& gemm);

// Every op, in an order that is fixed for the life of the process.
const OpTable& ops();

}  // namespace cuda
}  // namespace brevity
