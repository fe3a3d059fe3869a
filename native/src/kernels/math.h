// exp, σ, tanh and erfc on vectors.
#pragma once
#include "simd.h"

namespace brevity {
namespace BREVITY_NS {

// eˣ within about 1 ulp: x = n·ln 2 + r with |r| ≤ ln 2 / 2, and a polynomial for eʳ (Cephes' coefficients). Overflows
// to infinity and underflows to 0; NaN stays.
BREVITY_INLINE vec exponentialOf(vec x) {
  x = larger(splat(-104.0f), smaller(splat(89.0f), x));
  vec n = nearest(x * splat(1.44269504088896341f));
  vec r = fnma(n, splat(0.693359375f), x);
  r = fnma(n, splat(-2.12194440e-4f), r);
  vec p = splat(1.9875691500e-4f);
  p = fma(p, r, splat(1.3981999507e-3f));
  p = fma(p, r, splat(8.3334519073e-3f));
  p = fma(p, r, splat(4.1665795894e-2f));
  p = fma(p, r, splat(1.6666665459e-1f));
  p = fma(p, r, splat(5.0000001201e-1f));
  p = fma(p, r * r, r) + splat(1.0f);
  return scaleBy(p, n);
}

BREVITY_INLINE vec sigmoidOf(vec x) { return splat(1.0f) / (splat(1.0f) + exponentialOf(-x)); }

// ½x(1 + tanh(√(2/π)(x + 0.044715x³))), with tanh(u) = 2σ(2u) - 1, which does not cancel.
BREVITY_INLINE vec geluTanhOf(vec x) {
  vec u = x * fma(splat(0.0713548163f), x * x, splat(1.59576912f));
  return x * sigmoidOf(u);
}

// exp(z²)·erfc(z) for z ≥ 0, relative error below 5e-7 up to z = 9.4 (a polynomial in 1/(1 + 0.4z), fitted for this).
BREVITY_INLINE vec scaledErfcOf(vec z) {
  vec t = splat(1.0f) / fma(splat(0.4f), z, splat(1.0f));
  vec p = splat(0.0269424287f);
  p = fma(p, t, splat(-0.0653620612f));
  p = fma(p, t, splat(-0.0854271667f));
  p = fma(p, t, splat(0.304321671f));
  p = fma(p, t, splat(-0.091905468f));
  p = fma(p, t, splat(0.280951353f));
  p = fma(p, t, splat(0.173233085f));
  p = fma(p, t, splat(0.2322362f));
  p = fma(p, t, splat(0.224978299f));
  return fma(p, t, splat(3.16865852e-05f));
}

// The Gaussian's distribution function Φ(x); *bell is exp(-x²/2).
BREVITY_INLINE vec gaussianOf(vec x, vec* bell) {
  vec z = magnitude(x) * splat(0.707106781186547524f);
  *bell = exponentialOf(-(z * z));
  vec tail = splat(0.5f) * *bell * scaledErfcOf(z);
  return whereLess(x, zero(), tail, splat(1.0f) - tail);
}

BREVITY_INLINE vec errorFunctionOf(vec x) {
  vec a = magnitude(x), u = x * x;
  vec p = splat(7.853860006434843e-05f);
  p = fma(p, u, splat(-0.0008010193123482168f));
  p = fma(p, u, splat(0.005188327748328447f));
  p = fma(p, u, splat(-0.026853810995817184f));
  p = fma(p, u, splat(0.1128358542919159f));
  p = fma(p, u, splat(-0.3761262595653534f));
  p = fma(p, u, splat(1.1283791065216064f));
  vec far = splat(1.0f) - exponentialOf(-u) * scaledErfcOf(a);
  // Written so that NaN passes through.
  return whereLess(splat(1.0f), a, whereLess(x, zero(), -far, far), x * p);
}

// Near zero it uses Cephes' polynomial, because the quotient would cancel.
BREVITY_INLINE vec tanhOf(vec x) {
  vec u = x * x;
  vec p = splat(-5.70498872745e-3f);
  p = fma(p, u, splat(2.06390887954e-2f));
  p = fma(p, u, splat(-5.37397155531e-2f));
  p = fma(p, u, splat(1.33314422036e-1f));
  p = fma(p, u, splat(-3.33332819422e-1f));
  vec far = splat(1.0f) - splat(2.0f) / (exponentialOf(x + x) + splat(1.0f));
  return whereLess(splat(0.625f), magnitude(x), far, fma(p * u, x, x));
}

}  // namespace BREVITY_NS
}  // namespace brevity
