// Rows of a table by index, and the gradient. src/tensor/ops/rows.ts.
#pragma once
#include "kernel.h"

namespace brevity {

// y [N, D] = table [V, D] at ids [N]. An id outside [0, V) gives a row of zeros.
BREVITY_KERNEL(gatherRows, (const float* table, const int32_t* ids, float* y, int64_t N, int64_t D, int64_t V));

// table [V, D] = Σ of the rows of dy [N, D] by ids [N], in the rows' order; added to the table's values if
// `accumulate`. Ids outside [0, V) are ignored.
BREVITY_KERNEL(scatterAddRows, (const float* dy, const int32_t* ids, float* table, int64_t N, int64_t D, int64_t V,
                                bool accumulate));

}  // namespace brevity
