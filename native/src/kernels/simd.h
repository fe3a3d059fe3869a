// Vectors of float32 for the instruction set that a file of kernels is compiled for. The build defines one of
// BREVITY_AVX512, BREVITY_AVX2, BREVITY_NEON together with the compiler's flags, or none of them: plain.
//
// Hazard: files compiled for a set must not define inline functions or templates outside the set's namespace
// (std::vector, std::min, …): the linker keeps one copy of such a function, possibly one that other processors cannot
// run. test/build.sh checks for them.
#pragma once
#include <cstdint>
#include <cstring>

#include "../isa.h"

#if defined(BREVITY_AVX512)
#include <immintrin.h>
#define BREVITY_NS avx512
#elif defined(BREVITY_AVX2)
#include <immintrin.h>
#define BREVITY_NS avx2
#elif defined(BREVITY_NEON)
#include <arm_neon.h>
#define BREVITY_NS neon
#elif !defined(BREVITY_NS)  // test/shim/ names its own
#define BREVITY_NS plain
#endif

#define BREVITY_INLINE static inline __attribute__((always_inline))

namespace brevity {
namespace BREVITY_NS {

#if defined(BREVITY_AVX512)

using vec = __m512;
using vint = __m512i;
constexpr int W = 16;
constexpr int kVectors = 4;  // vectors per row of a product's register tile

BREVITY_INLINE vec load(const float* p) { return _mm512_loadu_ps(p); }
BREVITY_INLINE void store(float* p, vec v) { _mm512_storeu_ps(p, v); }
BREVITY_INLINE __mmask16 firstLanes(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }
BREVITY_INLINE vec loadFirst(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(firstLanes(n), p); }
BREVITY_INLINE void storeFirst(float* p, vec v, int64_t n) { _mm512_mask_storeu_ps(p, firstLanes(n), v); }
// Widens bfloat16: exact.
BREVITY_INLINE vec widened(__m256i halves) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16)); }
BREVITY_INLINE vec load(const uint16_t* p) { return widened(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
BREVITY_INLINE vec loadFirst(const uint16_t* p, int64_t n) { return widened(_mm256_maskz_loadu_epi16(firstLanes(n), p)); }
BREVITY_INLINE vec splat(float x) { return _mm512_set1_ps(x); }
BREVITY_INLINE vec fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
BREVITY_INLINE vec fnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }
BREVITY_INLINE vec root(vec a) { return _mm512_sqrt_ps(a); }
BREVITY_INLINE vec magnitude(vec a) { return _mm512_abs_ps(a); }
// If an operand is NaN the result is the second one, as on every x86.
BREVITY_INLINE vec larger(vec a, vec b) { return _mm512_max_ps(a, b); }
BREVITY_INLINE vec smaller(vec a, vec b) { return _mm512_min_ps(a, b); }
// a < b ? x : y
BREVITY_INLINE vec whereLess(vec a, vec b, vec x, vec y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
BREVITY_INLINE vec nearest(vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// x·2ⁿ for integral n
BREVITY_INLINE vec scaleBy(vec x, vec n) { return _mm512_scalef_ps(x, n); }
BREVITY_INLINE float sumOf(vec v) { return _mm512_reduce_add_ps(v); }
BREVITY_INLINE float largestOf(vec v) { return _mm512_reduce_max_ps(v); }

#elif defined(BREVITY_AVX2)

using vec = __m256;
constexpr int W = 8;
constexpr int kVectors = 2;

BREVITY_INLINE vec load(const float* p) { return _mm256_loadu_ps(p); }
BREVITY_INLINE void store(float* p, vec v) { _mm256_storeu_ps(p, v); }
BREVITY_INLINE __m256i firstLanes(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
BREVITY_INLINE vec loadFirst(const float* p, int64_t n) { return _mm256_maskload_ps(p, firstLanes(n)); }
BREVITY_INLINE void storeFirst(float* p, vec v, int64_t n) { _mm256_maskstore_ps(p, firstLanes(n), v); }
// Widens bfloat16: exact.
BREVITY_INLINE vec load(const uint16_t* p) {
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}
BREVITY_INLINE vec loadFirst(const uint16_t* p, int64_t n) {
  uint16_t lanes[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  for (int64_t i = 0; i < n; i++) lanes[i] = p[i];
  return load(lanes);
}
BREVITY_INLINE vec splat(float x) { return _mm256_set1_ps(x); }
BREVITY_INLINE vec fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
BREVITY_INLINE vec fnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }
BREVITY_INLINE vec root(vec a) { return _mm256_sqrt_ps(a); }
BREVITY_INLINE vec magnitude(vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
BREVITY_INLINE vec larger(vec a, vec b) { return _mm256_max_ps(a, b); }
BREVITY_INLINE vec smaller(vec a, vec b) { return _mm256_min_ps(a, b); }
BREVITY_INLINE vec whereLess(vec a, vec b, vec x, vec y) {
  return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
BREVITY_INLINE vec nearest(vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
BREVITY_INLINE vec scaleBy(vec x, vec n) {
  // Two factors, each a normal number, because 2ⁿ itself may not be one.
  __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1), bias = _mm256_set1_epi32(127);
  __m256i a = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  __m256i b = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), bias), 23);
  return _mm256_mul_ps(_mm256_mul_ps(x, _mm256_castsi256_ps(a)), _mm256_castsi256_ps(b));
}
BREVITY_INLINE float sumOf(vec v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
BREVITY_INLINE float largestOf(vec v) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}

#else

#if defined(BREVITY_NEON)
using vec = float32x4_t;
constexpr int kVectors = 4;
#else
// GCC's and Clang's vector types, compiled to the baseline of the processor family.
typedef float vec __attribute__((vector_size(16)));
constexpr int kVectors = 2;
#endif
typedef int32_t vint __attribute__((vector_size(16)));
constexpr int W = 4;

BREVITY_INLINE vec load(const float* p) {
  vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
BREVITY_INLINE void store(float* p, vec v) { std::memcpy(p, &v, sizeof v); }
BREVITY_INLINE vec loadFirst(const float* p, int64_t n) {
  float lanes[4] = {0, 0, 0, 0};
  for (int64_t i = 0; i < n; i++) lanes[i] = p[i];
  return load(lanes);
}
BREVITY_INLINE void storeFirst(float* p, vec v, int64_t n) {
  float lanes[4];
  store(lanes, v);
  for (int64_t i = 0; i < n; i++) p[i] = lanes[i];
}
// Widens bfloat16: exact.
BREVITY_INLINE vec load(const uint16_t* p) {
  const uint32_t bits[4] = {uint32_t{p[0]} << 16, uint32_t{p[1]} << 16, uint32_t{p[2]} << 16, uint32_t{p[3]} << 16};
  vec v;
  std::memcpy(&v, bits, sizeof v);
  return v;
}
BREVITY_INLINE vec loadFirst(const uint16_t* p, int64_t n) {
  uint16_t lanes[4] = {0, 0, 0, 0};
  for (int64_t i = 0; i < n; i++) lanes[i] = p[i];
  return load(lanes);
}
BREVITY_INLINE vec splat(float x) { return vec{x, x, x, x}; }
#if defined(BREVITY_NEON)
BREVITY_INLINE vec fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
BREVITY_INLINE vec fnma(vec a, vec b, vec c) { return vfmsq_f32(c, a, b); }
BREVITY_INLINE vec root(vec a) { return vsqrtq_f32(a); }
BREVITY_INLINE vec nearest(vec a) { return vrndnq_f32(a); }
#else
BREVITY_INLINE vec fma(vec a, vec b, vec c) { return a * b + c; }
BREVITY_INLINE vec fnma(vec a, vec b, vec c) { return c - a * b; }
BREVITY_INLINE vec root(vec a) {
  return vec{__builtin_sqrtf(a[0]), __builtin_sqrtf(a[1]), __builtin_sqrtf(a[2]), __builtin_sqrtf(a[3])};
}
// Correct below 2²², which suffices for exponents.
BREVITY_INLINE vec nearest(vec a) {
  volatile float big = 12582912.0f;
  vec shift = splat(big);
  return (a + shift) - shift;
}
#endif
BREVITY_INLINE vec select(vint mask, vec x, vec y) {
  vint a, b;
  std::memcpy(&a, &x, sizeof a);
  std::memcpy(&b, &y, sizeof b);
  vint bits = (mask & a) | (~mask & b);
  vec v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}
BREVITY_INLINE vec whereLess(vec a, vec b, vec x, vec y) { return select(reinterpret_cast<vint>(a < b), x, y); }
BREVITY_INLINE vec larger(vec a, vec b) { return select(reinterpret_cast<vint>(a > b), a, b); }
BREVITY_INLINE vec smaller(vec a, vec b) { return select(reinterpret_cast<vint>(a < b), a, b); }
BREVITY_INLINE vec magnitude(vec a) { return whereLess(a, splat(0.0f), -a, a); }
BREVITY_INLINE vec scaleBy(vec x, vec n) {
  vint whole = {static_cast<int32_t>(n[0]), static_cast<int32_t>(n[1]), static_cast<int32_t>(n[2]),
                static_cast<int32_t>(n[3])};
  vint half = whole >> 1, a = (half + 127) << 23, b = (whole - half + 127) << 23;
  vec fa, fb;
  std::memcpy(&fa, &a, sizeof fa);
  std::memcpy(&fb, &b, sizeof fb);
  return x * fa * fb;
}
BREVITY_INLINE float sumOf(vec v) { return (v[0] + v[2]) + (v[1] + v[3]); }
BREVITY_INLINE float largestOf(vec v) {
  float a = v[0] > v[2] ? v[0] : v[2], b = v[1] > v[3] ? v[1] : v[3];
  return a > b ? a : b;
}

#endif

BREVITY_INLINE vec zero() { return splat(0.0f); }
// Converts one element of float32 or bfloat16.
BREVITY_INLINE float valueOf(float x) { return x; }
BREVITY_INLINE float valueOf(uint16_t x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
BREVITY_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
BREVITY_INLINE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
BREVITY_INLINE int64_t blocksOf(int64_t n, int64_t block) { return (n + block - 1) / block; }

// The active lanes of a vector: all, known at compile time, or the first n.
template <bool all>
struct Lanes {
  int64_t n;
  vec get(const float* p) const { return all ? load(p) : loadFirst(p, n); }
  void put(float* p, vec v) const { all ? store(p, v) : storeFirst(p, v, n); }
  // v, with `other` in the inactive lanes.
  vec orElse(vec v, vec other) const {
    if (all) return v;
    float lanes[W];
    store(lanes, other);
    storeFirst(lanes, v, n);
    return load(lanes);
  }
  vec only(vec v) const { return orElse(v, splat(0.0f)); }
};

// Elements [0, n) of an array, one vector at a time: step(offset, lanes), lanes = W except in the last.
template <class F>
BREVITY_INLINE void eachVector(int64_t n, const F& step) {
  int64_t i = 0;
  for (; i + W <= n; i += W) step(i, Lanes<true>{W});
  if (i < n) step(i, Lanes<false>{n - i});
}

// Σ step(offset, lanes) over the lanes of all vectors; step must return zeros in inactive lanes.
template <class F>
BREVITY_INLINE float sumOver(int64_t n, const F& step) {
  vec a = zero(), b = zero(), c = zero(), d = zero();
  int64_t i = 0;
  for (; i + 4 * W <= n; i += 4 * W) {
    a = a + step(i, Lanes<true>{W});
    b = b + step(i + W, Lanes<true>{W});
    c = c + step(i + 2 * W, Lanes<true>{W});
    d = d + step(i + 3 * W, Lanes<true>{W});
  }
  for (; i + W <= n; i += W) a = a + step(i, Lanes<true>{W});
  if (i < n) b = b + step(i, Lanes<false>{n - i});
  return sumOf((a + b) + (c + d));
}

// Rows per task so that a task has about 2¹⁴ elements; at least one.
BREVITY_INLINE int64_t rowsOfTask(int64_t width) { return most(1, 16384 / most(1, width)); }

}  // namespace BREVITY_NS
}  // namespace brevity
