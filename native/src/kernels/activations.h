// The feed-forward nonlinearities: SwiGLU (arXiv 2002.05202) and both forms of GELU (arXiv 1606.08415).
// src/tensor/ops/activations.ts. n is the number of elements; an output may be the same buffer as an input.
#pragma once
#include "kernel.h"

namespace brevity {

// y = gate·σ(gate)·up
BREVITY_KERNEL(swiglu, (const float* gate, const float* up, float* y, int64_t n));
BREVITY_KERNEL(swigluGrad, (const float* gate, const float* up, const float* dy, float* dgate, float* dup, int64_t n));

// y = x·Φ(x), exact up to rounding
BREVITY_KERNEL(gelu, (const float* x, float* y, int64_t n));
BREVITY_KERNEL(geluGrad, (const float* x, const float* dy, float* dx, int64_t n));

// y = ½x(1 + tanh(√(2/π)(x + 0.044715x³)))
BREVITY_KERNEL(geluTanh, (const float* x, float* y, int64_t n));
BREVITY_KERNEL(geluTanhGrad, (const float* x, const float* dy, float* dx, int64_t n));

// y = exp(x), relative error below 2e-7
BREVITY_KERNEL(exponential, (const float* x, float* y, int64_t n));
// y = σ(x)
BREVITY_KERNEL(sigmoid, (const float* x, float* y, int64_t n));
// y = tanh(x)
BREVITY_KERNEL(hyperbolicTangent, (const float* x, float* y, int64_t n));
// y = erf(x)
BREVITY_KERNEL(errorFunction, (const float* x, float* y, int64_t n));

}  // namespace brevity
