// The intrinsics of src/kernels/bf16Mmla.h in plain C++, BFMMLA after ARM's manual (BFMatMulAdd with FPCR.EBF = 0), so
// that any processor runs it. The Makefile puts it before the files of kernels.
#pragma once
#include "rounding.h"

#define BREVITY_NS bfmmla_shim
#define BREVITY_BF16_IN_USE Bf16::bfmmla
#define BREVITY_BFMMLA

namespace shim {

template <class T, int n>
struct Vector {
  T lane[n];
};
template <class To, class From>
static inline To reinterpreted(From x) {
  static_assert(sizeof(To) == sizeof(From), "of one size");
  To y;
  std::memcpy(&y, &x, sizeof y);
  return y;
}
template <class V, class T>
static inline V loaded(const T* from) {
  V x;
  std::memcpy(&x, from, sizeof x);
  return x;
}
template <class V, class T>
static inline V combined(Vector<T, sizeof(V) / sizeof(T) / 2> low, Vector<T, sizeof(V) / sizeof(T) / 2> high) {
  V x;
  std::memcpy(&x, &low, sizeof low);
  std::memcpy(x.lane + sizeof low / sizeof(T), &high, sizeof high);
  return x;
}

// To nearest even; a NaN stays one, and subnormal values stay.
static inline uint16_t halfOf(float x) {
  const uint32_t bits = bitsOf(x);
  if (std::isnan(x)) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace shim

using float32x2_t = shim::Vector<float, 2>;
using float32x4_t = shim::Vector<float, 4>;
using uint16x4_t = shim::Vector<uint16_t, 4>;
using uint16x8_t = shim::Vector<uint16_t, 8>;
using uint32x4_t = shim::Vector<uint32_t, 4>;
struct bfloat16x4_t {
  uint16_t lane[4];
};
struct bfloat16x8_t {
  uint16_t lane[8];
};

static inline float32x2_t vld1_f32(const float* x) { return shim::loaded<float32x2_t>(x); }
static inline float32x4_t vld1q_f32(const float* x) { return shim::loaded<float32x4_t>(x); }
static inline uint16x4_t vld1_u16(const uint16_t* x) { return shim::loaded<uint16x4_t>(x); }
static inline uint32x4_t vld1q_u32(const uint32_t* x) { return shim::loaded<uint32x4_t>(x); }
static inline void vst1_f32(float* to, float32x2_t x) { std::memcpy(to, &x, sizeof x); }
static inline void vst1q_u16(uint16_t* to, uint16x8_t x) { std::memcpy(to, &x, sizeof x); }

static inline uint16x4_t vdup_n_u16(uint16_t x) { return {{x, x, x, x}}; }
static inline float32x4_t vdupq_n_f32(float x) { return {{x, x, x, x}}; }

static inline uint16x8_t vcombine_u16(uint16x4_t low, uint16x4_t high) { return shim::combined<uint16x8_t, uint16_t>(low, high); }
static inline float32x4_t vcombine_f32(float32x2_t low, float32x2_t high) { return shim::combined<float32x4_t, float>(low, high); }
static inline float32x2_t vget_low_f32(float32x4_t x) { return {{x.lane[0], x.lane[1]}}; }
static inline float32x2_t vget_high_f32(float32x4_t x) { return {{x.lane[2], x.lane[3]}}; }

static inline uint16x4_t vreinterpret_u16_bf16(bfloat16x4_t x) { return shim::reinterpreted<uint16x4_t>(x); }
static inline uint16x8_t vreinterpretq_u16_u32(uint32x4_t x) { return shim::reinterpreted<uint16x8_t>(x); }
static inline bfloat16x8_t vreinterpretq_bf16_u32(uint32x4_t x) { return shim::reinterpreted<bfloat16x8_t>(x); }

static inline uint32x4_t vmovl_u16(uint16x4_t x) { return {{x.lane[0], x.lane[1], x.lane[2], x.lane[3]}}; }
static inline uint32x4_t vshlq_n_u32(uint32x4_t x, int n) {
  return {{x.lane[0] << n, x.lane[1] << n, x.lane[2] << n, x.lane[3] << n}};
}
static inline uint32x4_t vorrq_u32(uint32x4_t x, uint32x4_t y) {
  return {{x.lane[0] | y.lane[0], x.lane[1] | y.lane[1], x.lane[2] | y.lane[2], x.lane[3] | y.lane[3]}};
}
static inline uint32x4_t vzip1q_u32(uint32x4_t x, uint32x4_t y) { return {{x.lane[0], y.lane[0], x.lane[1], y.lane[1]}}; }
static inline uint32x4_t vzip2q_u32(uint32x4_t x, uint32x4_t y) { return {{x.lane[2], y.lane[2], x.lane[3], y.lane[3]}}; }

static inline bfloat16x4_t vcvt_bf16_f32(float32x4_t x) {
  return {{shim::halfOf(x.lane[0]), shim::halfOf(x.lane[1]), shim::halfOf(x.lane[2]), shim::halfOf(x.lane[3])}};
}

static inline float32x4_t vbfmmlaq_f32(float32x4_t sums, bfloat16x8_t left, bfloat16x8_t right) {
  const auto product = [&](int i, int j, int k) {
    const float x = shim::flushed(shim::widened(left.lane[4 * i + k])), y = shim::flushed(shim::widened(right.lane[4 * j + k]));
    return shim::flushed(x * y);
  };
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++)
      for (int k = 0; k < 4; k += 2) {
        float& sum = sums.lane[2 * i + j];
        sum = shim::sumToOdd(sum, shim::sumToOdd(product(i, j, k), product(i, j, k + 1)));
      }
  return sums;
}
