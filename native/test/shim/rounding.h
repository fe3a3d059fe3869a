// Float32 arithmetic as the instructions for bfloat16 products do it, in plain C++. Functions are static: files of
// kernels include them (../../src/kernels/simd.h says why).
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

namespace shim {

static inline uint32_t bitsOf(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
static inline float floatOf(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
static inline float widened(uint16_t half) { return floatOf(uint32_t{half} << 16); }

// Subnormal values become zero of the same sign.
static inline float flushed(float x) { return std::fabs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x; }

// a·b + c and a + b, rounded once to nearest even. a and b have eight bits: their product is exact, and where double
// cannot hold the sum, one part is too small to matter to rounding twice.
static inline float fmaToNearest(float a, float b, float c) {
  const double product = static_cast<double>(flushed(a)) * static_cast<double>(flushed(b));
  return flushed(static_cast<float>(product + static_cast<double>(flushed(c))));
}
static inline float sumToNearest(float a, float b) { return flushed(flushed(a) + flushed(b)); }

// a + b rounded to odd: cut off towards zero, and if that is inexact, the last bit set. Overflow gives infinity.
static inline float sumToOdd(float a, float b) {
  a = flushed(a), b = flushed(b);
  if (!std::isfinite(a) || !std::isfinite(b)) return a + b;
  // First to odd in double, which rounding to odd again does not spoil.
  double sum = static_cast<double>(a) + static_cast<double>(b);
  const double other = sum - static_cast<double>(a);
  const double lost = (static_cast<double>(a) - (sum - other)) + (static_cast<double>(b) - other);
  uint64_t wide;
  std::memcpy(&wide, &sum, sizeof wide);
  if (lost != 0 && wide % 2 == 0) {
    wide = (lost > 0) == (sum > 0) ? wide + 1 : wide - 1;
    std::memcpy(&sum, &wide, sizeof sum);
  }
  if (std::fabs(sum) >= 0x1p128) return std::copysign(INFINITY, static_cast<float>(sum));
  float nearest = static_cast<float>(sum);
  if (static_cast<double>(nearest) == sum) return flushed(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(sum)) nearest = floatOf(bitsOf(nearest) - 1);
  return flushed(floatOf(bitsOf(nearest) | 1));
}

}  // namespace shim
