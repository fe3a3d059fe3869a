// Casts, selections and fills.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "bf16.h"
#include "blocks.h"
#include "elementwise.h"

namespace brevity {
namespace {

constexpr int64_t kGrain = 16384;

template <typename T>
void clipTo(const T* x, T* y, int64_t n, T least, T most) {
  parallelFor(n, kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) y[i] = x[i] < least ? least : x[i] > most ? most : x[i];
  });
}

// Converts as JavaScript does when it stores a number in an Int32Array.
int32_t toInt(float x) {
  if (x != x || std::isinf(x)) return 0;
  if (std::fabs(x) < 2147483648.0f) return static_cast<int32_t>(x);
  return static_cast<int32_t>(
      static_cast<uint32_t>(static_cast<int64_t>(std::fmod(std::trunc(double{x}), 4294967296.0))));
}

template <typename From, typename To, typename F>
void convert(const void* x, void* y, int64_t n, F f) {
  const From* from = static_cast<const From*>(x);
  To* to = static_cast<To*>(y);
  parallelFor(n, kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) to[i] = f(from[i]);
  });
}

template <typename T>
void selectOf(const uint8_t* condition, const void* a, const void* b, void* y, int64_t n, int64_t inner) {
  const T *yes = static_cast<const T*>(a), *no = static_cast<const T*>(b);
  T* out = static_cast<T*>(y);
  parallelFor(n, kGrain, [=](int64_t begin, int64_t end) {
    if (inner == 1) {
      for (int64_t i = begin; i < end; i++) out[i] = condition[i] ? yes[i] : no[i];
    } else {
      for (int64_t i = begin; i < end; i++) out[i] = condition[i / inner] ? yes[i] : no[i];
    }
  });
}

template <typename T>
void rangeOf(T* y, int64_t n, double start, double step) {
  for (int64_t i = 0; i < n; i++) y[i] = static_cast<T>(start + static_cast<double>(i) * step);
}

}  // namespace

void clip(const float* x, float* y, int64_t n, float least, float most) { clipTo(x, y, n, least, most); }
void clip(const int32_t* x, int32_t* y, int64_t n, int32_t least, int32_t most) { clipTo(x, y, n, least, most); }

void cast(const void* x, Type from, void* y, Type to, int64_t n) {
  const auto copy = [&](int64_t width) { std::memcpy(y, x, static_cast<size_t>(n * width)); };
  if (from == to) return copy(from == Type::boolean ? 1 : 4);
  const auto truth = [](auto value) { return static_cast<uint8_t>(value != 0); };
  if (from == Type::float32) {
    if (to == Type::int32) return convert<float, int32_t>(x, y, n, toInt);
    return convert<float, uint8_t>(x, y, n, truth);
  }
  if (from == Type::int32) {
    if (to == Type::float32) return convert<int32_t, float>(x, y, n, [](int32_t v) { return static_cast<float>(v); });
    return convert<int32_t, uint8_t>(x, y, n, truth);
  }
  if (to == Type::float32) return convert<uint8_t, float>(x, y, n, [](uint8_t v) { return static_cast<float>(v); });
  convert<uint8_t, int32_t>(x, y, n, [](uint8_t v) { return static_cast<int32_t>(v); });
}

void narrow(const float* x, uint16_t* y, int64_t n) { convert<float, uint16_t>(x, y, n, halfOfFloat); }
void widen(const uint16_t* x, float* y, int64_t n) { convert<uint16_t, float>(x, y, n, floatOfHalf); }

void select(const uint8_t* condition, const void* a, const void* b, void* y, int width, int64_t n, int64_t inner) {
  if (width == 1) return selectOf<uint8_t>(condition, a, b, y, n, inner);
  selectOf<uint32_t>(condition, a, b, y, n, inner);
}

void fill(void* y, const void* value, int width, int64_t n) {
  if (width == 1) {
    std::memset(y, *static_cast<const uint8_t*>(value), static_cast<size_t>(n));
    return;
  }
  uint32_t word;
  std::memcpy(&word, value, sizeof word);
  uint32_t* out = static_cast<uint32_t*>(y);
  parallelFor(n, kGrain, [=](int64_t begin, int64_t end) { std::fill(out + begin, out + end, word); });
}

void logicalNot(const uint8_t* x, uint8_t* y, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] = x[i] ? 0 : 1;
}

void range(float* y, int64_t n, double start, double step) { rangeOf(y, n, start, step); }
void range(int32_t* y, int64_t n, double start, double step) { rangeOf(y, n, start, step); }

template <typename T>
void oneHot(const int32_t* indices, T* y, int64_t n, int64_t depth, T on, T off) {
  std::fill(y, y + n * depth, off);
  for (int64_t i = 0; i < n; i++)
    if (indices[i] >= 0 && indices[i] < depth) y[i * depth + indices[i]] = on;
}
template void oneHot(const int32_t*, float*, int64_t, int64_t, float, float);
template void oneHot(const int32_t*, int32_t*, int64_t, int64_t, int32_t, int32_t);
template void oneHot(const int32_t*, uint8_t*, int64_t, int64_t, uint8_t, uint8_t);

}  // namespace brevity
