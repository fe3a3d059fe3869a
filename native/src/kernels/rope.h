// Rotary position embedding (arXiv 2104.09864) in the half-split pairing. src/tensor/ops/rope.ts.
#pragma once
#include "kernel.h"

namespace brevity {

// Rotates the pairs (i, i + half) of the first 2·half dimensions of every head by the angle of the row's position; the
// other dimensions are copied. x, y [N, heads, d]; positions [N]; cos, sin [positions, half]. sign -1 rotates back, for
// the gradient. y may be x.
BREVITY_KERNEL(rope, (const float* x, const int32_t* positions, const float* cos, const float* sin, float* y, int64_t N,
                      int64_t heads, int64_t d, int64_t half, float sign));

}  // namespace brevity
