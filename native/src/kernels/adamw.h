// AdamW (arXiv 1711.05101, algorithm 2) over a list of tensors at once, and the norm for clipping.
// src/tensor/ops/adamw.ts.
#pragma once
#include "kernel.h"

namespace brevity {

struct AdamWStep {
  double lr = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double biasCorrection1 = 1, biasCorrection2 = 1;  // 1 - β1ᵗ, 1 - β2ᵗ
  double gradScale = 1;                             // multiplies the gradient first: clipping
};

// One tensor of n elements. param, m and v are changed in place.
struct AdamWTensor {
  float* param;
  const float* grad;
  float* m;
  float* v;
  int64_t n;
  double weightDecay;  // decoupled: the parameter is first multiplied by 1 - lr·weightDecay
};

BREVITY_KERNEL(adamw, (const AdamWTensor* tensors, int64_t count, const AdamWStep& step));

// squares[i] = Σ x² of tensor i, n[i] elements, summed in float64; the norm over all is √Σ squares.
BREVITY_KERNEL(sumOfSquares, (const float* const* tensors, const int64_t* n, int64_t count, double* squares));

}  // namespace brevity
