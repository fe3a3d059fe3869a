// Includes every kernel, and lists them for dispatch.cc.
#pragma once
#include "activations.h"
#include "adamw.h"
#include "attention.h"
#include "embedding.h"
#include "gemm.h"
#include "layerNorm.h"
#include "rmsNorm.h"
#include "rope.h"
#include "sampling.h"
#include "softmax.h"
#include "tokenLogProbs.h"

#define BREVITY_ALL_KERNELS(X)                                                                                         \
  X(gemm) X(gemmBf16) X(tokenLogProbs) X(tokenLogProbsGrad) X(attention) X(attentionGrad) X(attentionDecode) X(fillCache)          \
  X(rmsNorm) X(rmsNormGrad) X(layerNorm) X(layerNormGrad) X(rope) X(swiglu) X(swigluGrad) X(gelu) X(geluGrad)          \
  X(geluTanh) X(geluTanhGrad) X(exponential) X(sigmoid) X(hyperbolicTangent) X(errorFunction) X(softmax)               \
  X(logSoftmax) X(logSoftmaxStats) X(logSoftmaxGrad) X(gatherRows) X(scatterAddRows) X(adamw) X(sumOfSquares)          \
  X(sampleTokens)
