// Unary and binary functions, with broadcasting. Element types: float32 and int32; booleans are bytes of 0 or 1.
#pragma once
#include <cstdint>

#include "shape.h"

namespace brevity {

// y[i] = f(x[i]), i below n. Functions with a second number (a slope, a power) get it from `alpha`.
using UnaryFloat = void (*)(const float* x, float* y, int64_t n, float alpha);
using UnaryInt = void (*)(const int32_t* x, int32_t* y, int64_t n, int32_t alpha);
using Predicate = void (*)(const float* x, uint8_t* y, int64_t n);

// y[i] = f(a[Σ i·strides.a], b[Σ i·strides.b]) over strides.dims, y contiguous.
using BinaryFloat = void (*)(const float* a, const float* b, float* y, const Strides& strides);
using BinaryInt = void (*)(const int32_t* a, const int32_t* b, int32_t* y, const Strides& strides);
using CompareFloat = void (*)(const float* a, const float* b, uint8_t* y, const Strides& strides);
using CompareInt = void (*)(const int32_t* a, const int32_t* b, uint8_t* y, const Strides& strides);
using Logical = void (*)(const uint8_t* a, const uint8_t* b, uint8_t* y, const Strides& strides);

template <typename F>
struct Named {
  const char* name;
  F function;
};

// The tables end with a null name. Names are TensorFlow.js's kernel names.
extern const Named<UnaryFloat> kUnaryFloat[];
extern const Named<UnaryInt> kUnaryInt[];
extern const Named<Predicate> kPredicates[];
extern const Named<BinaryFloat> kBinaryFloat[];
extern const Named<BinaryInt> kBinaryInt[];
extern const Named<CompareFloat> kCompareFloat[];
extern const Named<CompareInt> kCompareInt[];
extern const Named<Logical> kLogical[];

// Element types by the codes that TypeScript sends.
enum class Type { float32 = 0, int32 = 1, boolean = 2 };

// y = x in another element type: floats are truncated towards zero as in JavaScript's Int32Array (NaN is 0), and
// anything but 0 is true.
void cast(const void* x, Type from, void* y, Type to, int64_t n);

// y = x, to bfloat16 (rounded to nearest, ties to even) and from it (exact).
void narrow(const float* x, uint16_t* y, int64_t n);
void widen(const uint16_t* x, float* y, int64_t n);

// y[i] = x[i] clamped to [least, most]; NaN stays.
void clip(const float* x, float* y, int64_t n, float least, float most);
void clip(const int32_t* x, int32_t* y, int64_t n, int32_t least, int32_t most);

// y[i] = condition[i / inner] ? a[i] : b[i]; elements of `width` bytes.
void select(const uint8_t* condition, const void* a, const void* b, void* y, int width, int64_t n, int64_t inner);

// n elements of `width` bytes, each a copy of *value.
void fill(void* y, const void* value, int width, int64_t n);

// y[i] = !x[i]
void logicalNot(const uint8_t* x, uint8_t* y, int64_t n);

// y[i] = start + i·step
void range(float* y, int64_t n, double start, double step);
void range(int32_t* y, int64_t n, double start, double step);

// y [n, depth] = on if the column is the row's index, else off
template <typename T>
void oneHot(const int32_t* indices, T* y, int64_t n, int64_t depth, T on, T off);

}  // namespace brevity
