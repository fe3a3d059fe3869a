// Sums, extremes, running sums and top-k along an axis. Inputs are [outer, n, inner]; n is the reduced axis. Sums of
// floats use float64; the order of additions does not depend on the number of threads.
#pragma once
#include <cstdint>

namespace brevity {

// y [outer, inner]; an empty axis gives the operation's neutral element (an infinity, for the extremes of floats).
void sum(const float* x, float* y, int64_t outer, int64_t n, int64_t inner);
void sum(const int32_t* x, int32_t* y, int64_t outer, int64_t n, int64_t inner);
// Σ x / n; an empty axis gives NaN.
void mean(const float* x, float* y, int64_t outer, int64_t n, int64_t inner);
void product(const float* x, float* y, int64_t outer, int64_t n, int64_t inner);
void product(const int32_t* x, int32_t* y, int64_t outer, int64_t n, int64_t inner);
// NaN takes precedence.
void maximum(const float* x, float* y, int64_t outer, int64_t n, int64_t inner);
void maximum(const int32_t* x, int32_t* y, int64_t outer, int64_t n, int64_t inner);
void minimum(const float* x, float* y, int64_t outer, int64_t n, int64_t inner);
void minimum(const int32_t* x, int32_t* y, int64_t outer, int64_t n, int64_t inner);
void all(const uint8_t* x, uint8_t* y, int64_t outer, int64_t n, int64_t inner);
void any(const uint8_t* x, uint8_t* y, int64_t outer, int64_t n, int64_t inner);

// The first position of the largest or smallest element; NaN is never chosen, unless it comes first.
void argMax(const float* x, int32_t* y, int64_t outer, int64_t n, int64_t inner);
void argMin(const float* x, int32_t* y, int64_t outer, int64_t n, int64_t inner);

// y [outer, n]: running sum or product, excluding the element itself if `exclusive`, from the end if `reverse`.
void runningSum(const float* x, float* y, int64_t outer, int64_t n, bool exclusive, bool reverse);
void runningSum(const int32_t* x, int32_t* y, int64_t outer, int64_t n, bool exclusive, bool reverse);
void runningProduct(const float* x, float* y, int64_t outer, int64_t n, bool exclusive, bool reverse);
void runningProduct(const int32_t* x, int32_t* y, int64_t outer, int64_t n, bool exclusive, bool reverse);

// The k largest of each row of x [outer, n], largest first; the first of equal ones. values [outer, k], at [outer, k].
void topK(const float* x, float* values, int32_t* at, int64_t outer, int64_t n, int64_t k);

}  // namespace brevity
