// Binary functions with broadcasting.
#include <algorithm>
#include <cmath>

#include "blocks.h"
#include "elementwise.h"

namespace brevity {
namespace {

constexpr int64_t kGrain = 16384;

template <typename T, typename R>
using Row = void (*)(const T* a, int64_t sa, const T* b, int64_t sb, R* y, int64_t n);

template <typename T, typename R, R (*f)(T, T)>
void row(const T* a, int64_t sa, const T* b, int64_t sb, R* y, int64_t n) {
  if (sa == 1 && sb == 1) {
    for (int64_t i = 0; i < n; i++) y[i] = f(a[i], b[i]);
  } else if (sa == 1 && sb == 0) {
    const T right = *b;
    for (int64_t i = 0; i < n; i++) y[i] = f(a[i], right);
  } else if (sa == 0 && sb == 1) {
    const T left = *a;
    for (int64_t i = 0; i < n; i++) y[i] = f(left, b[i]);
  } else {
    for (int64_t i = 0; i < n; i++) y[i] = f(a[i * sa], b[i * sb]);
  }
}

// The loop shared by all functions of a type; each supplies only the inner row.
template <typename T, typename R>
void walk(Row<T, R> row, const T* a, const T* b, R* y, const Strides& s) {
  const int last = s.rank - 1;
  const int64_t inner = s.dims[last];
  int64_t outer = 1;
  for (int i = 0; i < last; i++) outer *= s.dims[i];
  if (outer == 0 || inner == 0) return;
  if (outer == 1) {
    parallelFor(inner, kGrain, [&](int64_t begin, int64_t end) {
      row(a + begin * s.a[last], s.a[last], b + begin * s.b[last], s.b[last], y + begin, end - begin);
    });
    return;
  }
  parallelFor(outer, std::max<int64_t>(1, kGrain / inner), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
      int64_t rest = r, atA = 0, atB = 0;
      for (int i = last - 1; i >= 0; i--) {
        const int64_t index = rest % s.dims[i];
        rest /= s.dims[i];
        atA += index * s.a[i];
        atB += index * s.b[i];
      }
      row(a + atA, s.a[last], b + atB, s.b[last], y + r * inner, inner);
    }
  });
}

template <typename T, typename R, R (*f)(T, T)>
void apply(const T* a, const T* b, R* y, const Strides& s) {
  walk<T, R>(row<T, R, f>, a, b, y, s);
}

// NaN takes precedence, as in JavaScript's Math.max and Math.min.
float larger(float a, float b) { return a > b || a != a ? a : b; }
float smaller(float a, float b) { return a < b || a != a ? a : b; }
// The remainder has the divisor's sign.
float modulo(float a, float b) {
  const float rest = std::fmod(a, b);
  return (a < 0) == (b < 0) ? rest : std::fmod(rest + b, b);
}
float prelu(float x, float alpha) { return x < 0 ? alpha * x : x; }
// y·(dy/dx) of ELU with y = elu(x).
float eluGrad(float dy, float y) { return y >= 0 ? dy : dy * (y + 1.0f); }
float add(float a, float b) { return a + b; }
float subtract(float a, float b) { return a - b; }
float multiply(float a, float b) { return a * b; }
float divide(float a, float b) { return a / b; }
float floorDivide(float a, float b) { return std::floor(a / b); }
float power(float a, float b) { return std::pow(a, b); }
float arcTan2(float a, float b) { return std::atan2(a, b); }
float squaredDifference(float a, float b) { return (a - b) * (a - b); }

// Integers wrap around; division by zero gives 0, because JavaScript's Int32Array stores infinity and NaN as 0.
uint32_t bits(int32_t x) { return static_cast<uint32_t>(x); }
int32_t addInt(int32_t a, int32_t b) { return static_cast<int32_t>(bits(a) + bits(b)); }
int32_t subtractInt(int32_t a, int32_t b) { return static_cast<int32_t>(bits(a) - bits(b)); }
int32_t multiplyInt(int32_t a, int32_t b) { return static_cast<int32_t>(bits(a) * bits(b)); }
int32_t floorDivideInt(int32_t a, int32_t b) {
  return b == 0 ? 0 : static_cast<int32_t>(static_cast<int64_t>(std::floor(double(a) / double(b))));
}
int32_t divideInt(int32_t a, int32_t b) {
  return b == 0 ? 0 : static_cast<int32_t>(static_cast<int64_t>(a) / static_cast<int64_t>(b));
}
int32_t moduloInt(int32_t a, int32_t b) {
  if (b == 0) return 0;
  const int64_t rest = static_cast<int64_t>(a) % b;
  return static_cast<int32_t>(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
}
int32_t powerInt(int32_t a, int32_t b) {
  const double result = std::pow(double(a), double(b));
  if (!std::isfinite(result)) return 0;
  if (std::fabs(result) < 2147483648.0) return static_cast<int32_t>(result);
  return static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(std::fmod(result, 4294967296.0))));
}
int32_t largerInt(int32_t a, int32_t b) { return a > b ? a : b; }
int32_t smallerInt(int32_t a, int32_t b) { return a < b ? a : b; }
int32_t squaredDifferenceInt(int32_t a, int32_t b) {
  const uint32_t difference = bits(a) - bits(b);
  return static_cast<int32_t>(difference * difference);
}

template <typename T>
uint8_t equal(T a, T b) {
  return a == b;
}
template <typename T>
uint8_t notEqual(T a, T b) {
  return a != b;
}
template <typename T>
uint8_t less(T a, T b) {
  return a < b;
}
template <typename T>
uint8_t lessEqual(T a, T b) {
  return a <= b;
}
template <typename T>
uint8_t greater(T a, T b) {
  return a > b;
}
template <typename T>
uint8_t greaterEqual(T a, T b) {
  return a >= b;
}
uint8_t both(uint8_t a, uint8_t b) { return a & b; }
uint8_t either(uint8_t a, uint8_t b) { return a | b; }

}  // namespace

#define ROW(name, f) {name, apply<float, float, f>}
const Named<BinaryFloat> kBinaryFloat[] = {
    ROW("Add", add),         ROW("Atan2", arcTan2),   ROW("EluGrad", eluGrad), ROW("FloorDiv", floorDivide),
    ROW("Maximum", larger),  ROW("Minimum", smaller), ROW("Mod", modulo),      ROW("Multiply", multiply),
    ROW("Pow", power),       ROW("Prelu", prelu),     ROW("RealDiv", divide),  ROW("SquaredDifference", squaredDifference),
    ROW("Sub", subtract),    {nullptr, nullptr}};
#undef ROW

#define ROW(name, f) {name, apply<int32_t, int32_t, f>}
const Named<BinaryInt> kBinaryInt[] = {ROW("Add", addInt),
                                       ROW("FloorDiv", floorDivideInt),
                                       ROW("Maximum", largerInt),
                                       ROW("Minimum", smallerInt),
                                       ROW("Mod", moduloInt),
                                       ROW("Multiply", multiplyInt),
                                       ROW("Pow", powerInt),
                                       ROW("RealDiv", divideInt),
                                       ROW("SquaredDifference", squaredDifferenceInt),
                                       ROW("Sub", subtractInt),
                                       {nullptr, nullptr}};
#undef ROW

#define ROW(T, name, f) {name, apply<T, uint8_t, f<T>>}
#define ROWS(T)                                                                                    \
  ROW(T, "Equal", equal), ROW(T, "NotEqual", notEqual), ROW(T, "Less", less),                       \
      ROW(T, "LessEqual", lessEqual), ROW(T, "Greater", greater), ROW(T, "GreaterEqual", greaterEqual), \
      {nullptr, nullptr}
const Named<CompareFloat> kCompareFloat[] = {ROWS(float)};
const Named<CompareInt> kCompareInt[] = {ROWS(int32_t)};
#undef ROWS
#undef ROW

const Named<Logical> kLogical[] = {{"LogicalAnd", apply<uint8_t, uint8_t, both>},
                                   {"LogicalOr", apply<uint8_t, uint8_t, either>},
                                   {nullptr, nullptr}};

}  // namespace brevity
