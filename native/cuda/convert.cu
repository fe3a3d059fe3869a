// Casts, choices and fills (../src/elements/convert.cc).
#include "cuda.h"

// As JavaScript puts a number into an Int32Array.
DEVICE int32_t toInt(float x) {
  if (!(fabsf(x) < INFINITE)) return 0;
  if (fabsf(x) < 2147483648.0f) return static_cast<int32_t>(x);
  return static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(fmod(trunc(double(x)), 4294967296.0))));
}

#define CAST_KERNEL(name, From, To, f)                          \
  KERNEL name(const From* from, To* to, int64_t n) {            \
    for (EACH(i, n)) {                                          \
      const From x = from[i];                                   \
      to[i] = f;                                                \
    }                                                           \
  }
CAST_KERNEL(castFloatToInt, float, int32_t, toInt(x))
CAST_KERNEL(castFloatToBool, float, uint8_t, x != 0)
CAST_KERNEL(castIntToFloat, int32_t, float, static_cast<float>(x))
CAST_KERNEL(castIntToBool, int32_t, uint8_t, x != 0)
CAST_KERNEL(castBoolToFloat, uint8_t, float, static_cast<float>(x))
CAST_KERNEL(castBoolToInt, uint8_t, int32_t, static_cast<int32_t>(x))
CAST_KERNEL(copyWords, uint32_t, uint32_t, x)
CAST_KERNEL(copyBytes, uint8_t, uint8_t, x)

// NaN stays.
KERNEL clipFloats(const float* x, float* y, int64_t n, float least, float most) {
  for (EACH(i, n)) y[i] = x[i] < least ? least : x[i] > most ? most : x[i];
}
KERNEL clipInts(const int32_t* x, int32_t* y, int64_t n, int32_t least, int32_t most) {
  for (EACH(i, n)) y[i] = x[i] < least ? least : x[i] > most ? most : x[i];
}

KERNEL selectWords(const uint8_t* condition, const uint32_t* a, const uint32_t* b, uint32_t* y, int64_t n,
                   int64_t inner) {
  for (EACH(i, n)) y[i] = condition[i / inner] ? a[i] : b[i];
}
KERNEL selectBytes(const uint8_t* condition, const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n, int64_t inner) {
  for (EACH(i, n)) y[i] = condition[i / inner] ? a[i] : b[i];
}

KERNEL fillWords(uint32_t* y, uint32_t word, int64_t n) {
  for (EACH(i, n)) y[i] = word;
}
KERNEL fillBytes(uint8_t* y, uint8_t byte, int64_t n) {
  for (EACH(i, n)) y[i] = byte;
}

KERNEL rangeFloats(float* y, int64_t n, double start, double step) {
  for (EACH(i, n)) y[i] = static_cast<float>(start + static_cast<double>(i) * step);
}
KERNEL rangeInts(int32_t* y, int64_t n, double start, double step) {
  for (EACH(i, n)) y[i] = static_cast<int32_t>(start + static_cast<double>(i) * step);
}

// An index outside of [0, depth) gives a row of `off`.
KERNEL oneHotWords(const int32_t* indices, uint32_t* y, int64_t n, int64_t depth, uint32_t on, uint32_t off) {
  for (EACH(i, n * depth)) y[i] = indices[i / depth] == i % depth ? on : off;
}
KERNEL oneHotBytes(const int32_t* indices, uint8_t* y, int64_t n, int64_t depth, uint8_t on, uint8_t off) {
  for (EACH(i, n * depth)) y[i] = indices[i / depth] == i % depth ? on : off;
}

#if BREVITY_HOST
#include "../src/elements/elementwise.h"

namespace brevity {
namespace cuda {
namespace {

Type typeAt(const Launch& l, int i) {
  const int64_t code = l.integer(i);
  if (code < 0 || code > 2) l.fail("has an unknown element type");
  return static_cast<Type>(code);
}

uint32_t wordOf(Type type, double value) {
  uint32_t word;
  const auto real = static_cast<float>(value);
  const auto whole = static_cast<int32_t>(value);
  std::memcpy(&word, type == Type::float32 ? static_cast<const void*>(&real) : &whole, sizeof word);
  return word;
}

// x, y; from, to, n
void castOp(const Launch& l) {
  const Type from = typeAt(l, 0), to = typeAt(l, 1);
  const int64_t n = l.count(2);
  const Geometry all = overElements(n);
  if (from == to && from == Type::boolean) LAUNCH(copyBytes, all, l.as<uint8_t>(0, n), l.as<uint8_t>(1, n), n);
  else if (from == to) LAUNCH(copyWords, all, l.as<uint32_t>(0, n), l.as<uint32_t>(1, n), n);
  else if (from == Type::float32 && to == Type::int32) LAUNCH(castFloatToInt, all, l.floats(0, n), l.ints(1, n), n);
  else if (from == Type::float32) LAUNCH(castFloatToBool, all, l.floats(0, n), l.as<uint8_t>(1, n), n);
  else if (from == Type::int32 && to == Type::float32) LAUNCH(castIntToFloat, all, l.ints(0, n), l.floats(1, n), n);
  else if (from == Type::int32) LAUNCH(castIntToBool, all, l.ints(0, n), l.as<uint8_t>(1, n), n);
  else if (to == Type::float32) LAUNCH(castBoolToFloat, all, l.as<uint8_t>(0, n), l.floats(1, n), n);
  else LAUNCH(castBoolToInt, all, l.as<uint8_t>(0, n), l.ints(1, n), n);
}

// x, y; n, least, most
void clipFloat(const Launch& l) {
  const int64_t n = l.count(0);
  LAUNCH(clipFloats, overElements(n), l.floats(0, n), l.floats(1, n), n, l.number(1), l.number(2));
}
void clipInt(const Launch& l) {
  const int64_t n = l.count(0);
  LAUNCH(clipInts, overElements(n), l.ints(0, n), l.ints(1, n), n, l.number(1), l.number(2));
}

// condition, a, b, y; width, n, inner
void selectOp(const Launch& l) {
  const int64_t width = l.count(0), n = l.count(1), inner = l.count(2);
  if (inner < 1) l.fail("takes inner from 1 on");
  const uint8_t* condition = l.as<uint8_t>(0, n / inner);
  if (width == 1) {
    LAUNCH(selectBytes, overElements(n), condition, l.as<uint8_t>(1, n), l.as<uint8_t>(2, n), l.as<uint8_t>(3, n), n,
           inner);
  } else {
    LAUNCH(selectWords, overElements(n), condition, l.as<uint32_t>(1, n), l.as<uint32_t>(2, n), l.as<uint32_t>(3, n), n,
           inner);
  }
}

// y; type, n, value
void fillOp(const Launch& l) {
  const Type type = typeAt(l, 0);
  const int64_t n = l.count(1);
  if (type == Type::boolean) LAUNCH(fillBytes, overElements(n), l.as<uint8_t>(0, n), l.number(2) != 0, n);
  else LAUNCH(fillWords, overElements(n), l.as<uint32_t>(0, n), wordOf(type, l.number(2)), n);
}

// y; type, n, start, step
void rangeOp(const Launch& l) {
  const int64_t n = l.count(1);
  const double start = l.number(2), step = l.number(3);
  if (typeAt(l, 0) == Type::float32) LAUNCH(rangeFloats, overElements(n), l.floats(0, n), n, start, step);
  else LAUNCH(rangeInts, overElements(n), l.ints(0, n), n, start, step);
}

// indices, y; type, n, depth, on, off
void oneHotOp(const Launch& l) {
  const Type type = typeAt(l, 0);
  const int64_t n = l.count(1), depth = l.count(2), all = n * depth;
  const double on = l.number(3), off = l.number(4);
  if (type == Type::boolean) {
    LAUNCH(oneHotBytes, overElements(all), l.ints(0, n), l.as<uint8_t>(1, all), n, depth, on != 0, off != 0);
  } else {
    LAUNCH(oneHotWords, overElements(all), l.ints(0, n), l.as<uint32_t>(1, all), n, depth, wordOf(type, on),
           wordOf(type, off));
  }
}

}  // namespace

void fillZeros(void* memory, int64_t n) {
  if (n > 0) LAUNCH(fillWords, overElements(n), static_cast<uint32_t*>(memory), 0, n);
}

void copyWordsOf(void* to, const void* from, int64_t n) {
  if (n > 0) LAUNCH(copyWords, overElements(n), static_cast<const uint32_t*>(from), static_cast<uint32_t*>(to), n);
}

void convertOps(OpTable& table) {
  table.push_back({"Cast", castOp});
  table.push_back({"ClipByValue", clipFloat});
  table.push_back({"ClipByValue/int32", clipInt});
  table.push_back({"Select", selectOp});
  table.push_back({"Fill", fillOp});
  table.push_back({"Range", rangeOp});
  table.push_back({"OneHot", oneHotOp});
}

}  // namespace cuda
}  // namespace brevity
#endif
