// Conversions between float32 and bfloat16, its upper half.
#pragma once
#include <cstdint>
#include <cstring>

namespace brevity {

inline float floatOfHalf(uint16_t half) {
  const uint32_t bits = uint32_t{half} << 16;
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// To nearest, ties to even. A NaN stays one.
inline uint16_t halfOfFloat(float x) {
  if (x != x) return 0x7fc0;
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace brevity
