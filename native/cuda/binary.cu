// Functions of two elements, with broadcasting (../src/elements/binary.cc).
#include "axes.h"

DEVICE float remainderOf(float a, float b) {
  // It has the divisor's sign.
  const float rest = fmodf(a, b);
  return (a < 0) == (b < 0) ? rest : fmodf(rest + b, b);
}
// Integers wrap around; a division by zero gives 0, as JavaScript's Int32Array keeps its infinity and NaN.
DEVICE int32_t floorDivide(int32_t a, int32_t b) {
  return b == 0 ? 0 : static_cast<int32_t>(static_cast<int64_t>(floor(double(a) / double(b))));
}
DEVICE int32_t divide(int32_t a, int32_t b) {
  return b == 0 ? 0 : static_cast<int32_t>(static_cast<int64_t>(a) / static_cast<int64_t>(b));
}
DEVICE int32_t remainderOf(int32_t a, int32_t b) {
  if (b == 0) return 0;
  const int64_t rest = static_cast<int64_t>(a) % b;
  return static_cast<int32_t>(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
}
DEVICE int32_t powerOf(int32_t a, int32_t b) {
  const double result = pow(double(a), double(b));
  if (!(fabs(result) < 1e300)) return 0;
  if (fabs(result) < 2147483648.0) return static_cast<int32_t>(result);
  return static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(fmod(result, 4294967296.0))));
}
DEVICE int32_t wrapped(uint32_t x) { return static_cast<int32_t>(x); }
DEVICE uint32_t bitsOf(int32_t x) { return static_cast<uint32_t>(x); }

// NaN wins in Maximum and Minimum, as in JavaScript's. EluGrad is dy·(dy/dx) with b = elu(x).
#define BINARY_FLOATS(X)                                                                                                    \
  X(Atan2, atan2f(a, b)) X(EluGrad, b >= 0 ? a : a * (b + 1.0f)) X(FloorDiv, floorf(a / b))                           \
  X(Maximum, a > b || a != a ? a : b) X(Minimum, a < b || a != a ? a : b) X(Mod, remainderOf(a, b))                  \
  X(Pow, powf(a, b)) X(Prelu, a < 0 ? b * a : a) X(RealDiv, a / b) X(SquaredDifference, (a - b) * (a - b))           \
  X(Sub, a - b)

// What an update does to activations and gradients.
#define BINARY_IN_PACKS(X) X(Add, a + b) X(Multiply, a * b)

#define BINARY_INTS(X)                                                                                                      \
  X(Add, wrapped(bitsOf(a) + bitsOf(b))) X(FloorDiv, floorDivide(a, b)) X(Maximum, a > b ? a : b)                    \
  X(Minimum, a < b ? a : b) X(Mod, remainderOf(a, b)) X(Multiply, wrapped(bitsOf(a) * bitsOf(b)))                    \
  X(Pow, powerOf(a, b)) X(RealDiv, divide(a, b))                                                                     \
  X(SquaredDifference, wrapped((bitsOf(a) - bitsOf(b)) * (bitsOf(a) - bitsOf(b))))                                   \
  X(Sub, wrapped(bitsOf(a) - bitsOf(b)))

#define BINARY_COMPARISONS(X) \
  X(Equal, a == b) X(NotEqual, a != b) X(Less, a < b) X(LessEqual, a <= b) X(Greater, a > b) X(GreaterEqual, a >= b)

#define BINARY_LOGICALS(X) X(LogicalAnd, a & b) X(LogicalOr, a | b)

#define BINARY_KERNEL(kernel, T, R, f)                                       \
  KERNEL kernel(const T* left, const T* right, R* to, Axes axes, int64_t n) { \
    for (EACH(i, n)) {                                                       \
      const Offsets at = offsetsOf(axes, i);                                 \
      const T a = left[at.a], b = right[at.b];                               \
      to[i] = static_cast<R>(f);                                             \
    }                                                                        \
  }
#define BINARY_FLOAT_KERNEL(name, f) BINARY_KERNEL(binary##name, float, float, f)
#define BINARY_INT_KERNEL(name, f) BINARY_KERNEL(binaryInt##name, int32_t, int32_t, f)
#define BINARY_COMPARE_KERNEL(name, f) BINARY_KERNEL(compare##name, float, uint8_t, f)
#define BINARY_COMPARE_INT_KERNEL(name, f) BINARY_KERNEL(compareInt##name, int32_t, uint8_t, f)
#define BINARY_LOGICAL_KERNEL(name, f) BINARY_KERNEL(logical##name, uint8_t, uint8_t, f)
BINARY_FLOATS(BINARY_FLOAT_KERNEL)
BINARY_IN_PACKS(BINARY_FLOAT_KERNEL)
BINARY_INTS(BINARY_INT_KERNEL)
BINARY_COMPARISONS(BINARY_COMPARE_KERNEL)
BINARY_COMPARISONS(BINARY_COMPARE_INT_KERNEL)
BINARY_LOGICALS(BINARY_LOGICAL_KERNEL)

// Four elements along the last axis at a time: there each side lies element by element, or is one element, repeated.
DEVICE Pack<float, 4> packOf(const float* x, bool repeated) {
  return repeated ? Pack<float, 4>{{*x, *x, *x, *x}} : packAt<4>(x);
}
#define BINARY_PACKS_KERNEL(name, f)                                                                                \
  KERNEL packs##name(const float* left, const float* right, float* to, Axes axes, int64_t packs, int repeatsLeft,   \
                     int repeatsRight) {                                                                            \
    for (EACH(i, packs)) {                                                                                          \
      const Offsets at = offsetsOf(axes, i);                                                                        \
      mapPack<4>(to + 4 * i, [](float a, float b) { return f; }, packOf(left + at.a, repeatsLeft),                  \
                 packOf(right + at.b, repeatsRight));                                                               \
    }                                                                                                               \
  }
BINARY_IN_PACKS(BINARY_PACKS_KERNEL)

#if BREVITY_HOST
#include <algorithm>

namespace brevity {
namespace cuda {
namespace {

// Whether one side of a walk, from `data`, can be read in packs along the last axis.
bool sideInPacks(const Strides& s, const int64_t* strides, const void* data) {
  const int last = s.rank - 1;
  if (strides[last] == 0) return true;
  if (strides[last] != 1 || !areAligned(data)) return false;
  return std::all_of(strides, strides + last, [](int64_t stride) { return stride % 4 == 0; });
}

struct PackedWalk {
  const float *a, *b;
  float* y;
  Axes axes;
  int64_t packs;
  int repeatsA, repeatsB;
};

// The same walk in packs of four. False where it has none.
bool inPacks(const Launch& l, PackedWalk* walk) {
  Strides s = stridesAt(l, 0);
  const int64_t n = sizeOf(s);
  const int last = s.rank - 1;
  if (n == 0 || s.rank == 0 || s.dims[last] % 4 != 0) return false;
  expectWithin(l, 0, sizeof(float), 0, s, s.a);
  expectWithin(l, 1, sizeof(float), 0, s, s.b);
  *walk = {l.floats(0, 0), l.floats(1, 0), l.floats(2, n), {}, n / 4, s.a[last] == 0, s.b[last] == 0};
  if (!sideInPacks(s, s.a, walk->a) || !sideInPacks(s, s.b, walk->b) || !areAligned(walk->y)) return false;
  s.dims[last] /= 4;
  s.a[last] *= 4;
  s.b[last] *= 4;
  walk->axes = axesOf(s);
  return true;
}

}  // namespace

void binaryOps(OpTable& table) {
  // a, b, y; strides
#define BINARY_LAUNCH(kernel, T, R)                                                                              \
  const Strides s = stridesAt(l, 0);                                                                              \
  const int64_t n = sizeOf(s);                                                                                    \
  expectWithin(l, 0, sizeof(T), 0, s, s.a);                                                                       \
  expectWithin(l, 1, sizeof(T), 0, s, s.b);                                                                       \
  LAUNCH(kernel, overElements(n), l.as<T>(0, 0), l.as<T>(1, 0), l.as<R>(2, n), axesOf(s), n)
#define BINARY_OP(name, kernel, T, R) table.push_back({name, [](const Launch& l) { BINARY_LAUNCH(kernel, T, R); }});
#define BINARY_PACKS_OP(name, f)                                                                                  \
  table.push_back({#name, [](const Launch& l) {                                                                   \
                     PackedWalk w;                                                                                \
                     if (inPacks(l, &w)) {                                                                        \
                       LAUNCH(packs##name, overElements(w.packs), w.a, w.b, w.y, w.axes, w.packs, w.repeatsA,     \
                              w.repeatsB);                                                                        \
                     } else {                                                                                     \
                       BINARY_LAUNCH(binary##name, float, float);                                                 \
                     }                                                                                            \
                   }});
#define BINARY_FLOAT_OP(name, f) BINARY_OP(#name, binary##name, float, float)
#define BINARY_INT_OP(name, f) BINARY_OP(#name "/int32", binaryInt##name, int32_t, int32_t)
#define BINARY_COMPARE_OP(name, f) BINARY_OP(#name, compare##name, float, uint8_t)
#define BINARY_COMPARE_INT_OP(name, f) BINARY_OP(#name "/int32", compareInt##name, int32_t, uint8_t)
#define BINARY_LOGICAL_OP(name, f) BINARY_OP(#name, logical##name, uint8_t, uint8_t)
  BINARY_FLOATS(BINARY_FLOAT_OP)
  BINARY_IN_PACKS(BINARY_PACKS_OP)
  BINARY_INTS(BINARY_INT_OP)
  BINARY_COMPARISONS(BINARY_COMPARE_OP)
  BINARY_COMPARISONS(BINARY_COMPARE_INT_OP)
  BINARY_LOGICALS(BINARY_LOGICAL_OP)
}

}  // namespace cuda
}  // namespace brevity
#endif
