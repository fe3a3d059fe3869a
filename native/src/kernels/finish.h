// What follows the sums of a product: bias and activation.
#pragma once
#include "gemm.h"
#include "math.h"

namespace brevity {
namespace BREVITY_NS {

BREVITY_INLINE vec activated(vec x, Activation activation, float alpha) {
  vec bell;
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return larger(zero(), x);
    case Activation::relu6:
      return smaller(splat(6.0f), larger(zero(), x));
    case Activation::sigmoid:
      return sigmoidOf(x);
    case Activation::silu:
      return x * sigmoidOf(x);
    case Activation::gelu:
      return x * gaussianOf(x, &bell);
    case Activation::geluTanh:
      return geluTanhOf(x);
    case Activation::elu:
      return whereLess(x, zero(), exponentialOf(x) - splat(1.0f), x);
    case Activation::leakyRelu:
      return whereLess(x, zero(), splat(alpha) * x, x);
  }
  return x;
}

// Adds the bias to C's rows, at its columns [column, column + columns), and applies the activation.
static void finish(const Gemm& p, float* C, int64_t rows, int64_t column, int64_t columns) {
  if (p.bias == nullptr && p.activation == Activation::none) return;
  for (int64_t i = 0; i < rows; i++) {
    float* c = C + i * p.ldc;
    eachVector(columns, [&](int64_t j, auto lanes) {
      vec x = lanes.get(c + j);
      if (p.bias != nullptr) x = x + lanes.get(p.bias + column + j);
      lanes.put(c + j, activated(x, p.activation, p.alpha));
    });
  }
}

}  // namespace BREVITY_NS
}  // namespace brevity
