// LayerNorm (arXiv 1607.06450). src/tensor/ops/layerNorm.ts.
#pragma once
#include "kernel.h"

namespace brevity {

// y = (x - mean) / √(variance + eps) · w + b. x, y [N, D], w, b [D]. y may be x.
BREVITY_KERNEL(layerNorm, (const float* x, const float* w, const float* b, float* y, int64_t N, int64_t D, float eps));

// dx [N, D], dw and db [D] are written. dx may be dy; dw and db may both be null.
BREVITY_KERNEL(layerNormGrad, (const float* x, const float* w, const float* dy, float* dx, float* dw, float* db,
                               int64_t N, int64_t D, float eps));

}  // namespace brevity
