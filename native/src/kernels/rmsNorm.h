// RMSNorm (arXiv 1910.07467, equation 4). src/tensor/ops/rmsNorm.ts.
#pragma once
#include "kernel.h"

namespace brevity {

// y = x / √(mean(x²) + eps) · w. x, y [N, D], w [D]. y may be x.
BREVITY_KERNEL(rmsNorm, (const float* x, const float* w, float* y, int64_t N, int64_t D, float eps));

// dx [N, D] and dw [D] are written. dx may be dy; dw may be null.
BREVITY_KERNEL(rmsNormGrad, (const float* x, const float* w, const float* dy, float* dx, float* dw, int64_t N,
                             int64_t D, float eps));

}  // namespace brevity
