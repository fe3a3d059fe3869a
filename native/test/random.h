// Seeded numbers for the tests of kernels.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

using Floats = std::vector<float>;
using Ints = std::vector<int32_t>;
using Halves = std::vector<uint16_t>;  // bfloat16
using Bytes = std::vector<uint8_t>;

// The same in every run.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2654435769u + 1) {}
  uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  double uniform() { return static_cast<double>(next() >> 11) / 9007199254740992.0; }
  int64_t below(int64_t n) { return static_cast<int64_t>(next() % static_cast<uint64_t>(n)); }
  // In [-size, size).
  Floats floats(int64_t n, double size = 1) {
    Floats x(static_cast<size_t>(n));
    for (float& v : x) v = static_cast<float>((2 * uniform() - 1) * size);
    return x;
  }
  Ints ints(int64_t n, int64_t bound) {
    Ints x(static_cast<size_t>(n));
    for (int32_t& v : x) v = static_cast<int32_t>(below(bound));
    return x;
  }
  // The same in bfloat16, cut off.
  Halves halves(int64_t n, double size = 1) {
    Halves x(static_cast<size_t>(n));
    for (uint16_t& v : x) {
      const auto value = static_cast<float>((2 * uniform() - 1) * size);
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      v = static_cast<uint16_t>(bits >> 16);
    }
    return x;
  }
  Bytes bytes(int64_t n) {
    Bytes x(static_cast<size_t>(n));
    for (uint8_t& v : x) v = static_cast<uint8_t>(below(2));
    return x;
  }

 private:
  uint64_t state_;
};
