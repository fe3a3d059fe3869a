// Softmax over rows, and the two halves of a log-softmax at one target per row.
#pragma once
#include "kernel.h"

namespace brevity {

// y [N, V] = softmax of each row of x. y may be x.
BREVITY_KERNEL(softmax, (const float* x, float* y, int64_t N, int64_t V));
// y [N, V] = log softmax of each row of x. y may be x.
BREVITY_KERNEL(logSoftmax, (const float* x, float* y, int64_t N, int64_t V));

// For rows of logits [N, V]: the largest, Σ exp(logit - largest) and the target's logit, each [N].
BREVITY_KERNEL(logSoftmaxStats, (const float* logits, const int32_t* targets, float* max, float* sum, float* at,
                                 int64_t N, int64_t V));
// dlogits [N, V] = dy·(onehot(target) - softmax). May be the logits themselves.
BREVITY_KERNEL(logSoftmaxGrad, (const float* logits, const int32_t* targets, const float* max, const float* sum,
                                const float* dy, float* dlogits, int64_t N, int64_t V));

}  // namespace brevity
