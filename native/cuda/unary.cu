// Functions of one element (../src/elements/unary.cc).
#include "cuda.h"

// name, f(x); `alpha` is a slope or a power.
#define UNARY_FLOATS(X)                                                                                                   \
  X(Abs, fabsf(x)) X(Acos, acosf(x)) X(Acosh, acoshf(x)) X(Asin, asinf(x)) X(Asinh, asinhf(x)) X(Atan, atanf(x))     \
  X(Atanh, atanhf(x)) X(Ceil, ceilf(x)) X(Cos, cosf(x)) X(Cosh, coshf(x)) X(Elu, x >= 0 ? x : expm1f(x))             \
  X(Expm1, expm1f(x)) X(Floor, floorf(x)) X(LeakyRelu, x < 0 ? alpha * x : x) X(Log, logf(x)) X(Log1p, log1pf(x))    \
  X(Neg, -x) X(Reciprocal, 1.0f / x) X(Relu, x < 0 ? 0.0f : x) X(Relu6, x < 0 ? 0.0f : x > 6 ? 6.0f : x)             \
  X(Round, rintf(x)) X(Rsqrt, 1.0f / sqrtf(x))                                                                       \
  X(Selu, x >= 0 ? 1.0507009873554805f * x : 1.7580993408473769f * expm1f(x))                                       \
  X(Sign, x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f) X(Sin, sinf(x)) X(Sinh, sinhf(x))                                        \
  X(Softplus, (x > 0 ? x : 0.0f) + log1pf(expf(-fabsf(x)))) X(Sqrt, sqrtf(x)) X(Square, x * x)                       \
  X(Step, x > 0 ? 1.0f : x != x ? x : alpha) X(Tan, static_cast<float>(tan(static_cast<double>(x))))

// Those whose entries take no alpha.
#define UNARY_PLAIN(X) X(Exp, expf(x)) X(Sigmoid, 1.0f / (1.0f + expf(-x))) X(Tanh, tanhf(x)) X(Erf, erff(x))

// Integers wrap around.
#define UNARY_INTS(X)                                                                                                      \
  X(Abs, x < 0 ? static_cast<int32_t>(0u - static_cast<uint32_t>(x)) : x)                                            \
  X(Neg, static_cast<int32_t>(0u - static_cast<uint32_t>(x)))                                                        \
  X(Square, static_cast<int32_t>(static_cast<uint32_t>(x) * static_cast<uint32_t>(x))) X(Sign, (x > 0) - (x < 0))    \
  X(Relu, x < 0 ? 0 : x) X(Relu6, x < 0 ? 0 : x > 6 ? 6 : x) X(Step, x > 0 ? 1 : alpha) X(Ceil, x) X(Floor, x)       \
  X(Round, x)

#define UNARY_PREDICATES(X) X(IsNan, x != x) X(IsInf, fabsf(x) == INFINITE) X(IsFinite, fabsf(x) < INFINITE)

#define UNARY_FLOAT_KERNEL(name, f)                                                              \
  KERNEL unary##name(const float* from, float* to, int64_t n, float alpha) {               \
    (void)alpha;                                                                           \
    for (EACH(i, n)) {                                                                     \
      const float x = from[i];                                                             \
      to[i] = f;                                                                           \
    }                                                                                      \
  }
UNARY_FLOATS(UNARY_FLOAT_KERNEL)
UNARY_PLAIN(UNARY_FLOAT_KERNEL)

#define UNARY_INT_KERNEL(name, f)                                                                \
  KERNEL unaryInt##name(const int32_t* from, int32_t* to, int64_t n, int32_t alpha) {      \
    (void)alpha;                                                                           \
    for (EACH(i, n)) {                                                                     \
      const int32_t x = from[i];                                                           \
      to[i] = f;                                                                           \
    }                                                                                      \
  }
UNARY_INTS(UNARY_INT_KERNEL)

#define UNARY_PREDICATE_KERNEL(name, f)                                                          \
  KERNEL predicate##name(const float* from, uint8_t* to, int64_t n) {                      \
    for (EACH(i, n)) {                                                                     \
      const float x = from[i];                                                             \
      to[i] = f;                                                                           \
    }                                                                                      \
  }
UNARY_PREDICATES(UNARY_PREDICATE_KERNEL)

KERNEL logicalNotKernel(const uint8_t* x, uint8_t* y, int64_t n) {
  for (EACH(i, n)) y[i] = x[i] ? 0 : 1;
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {

void unaryOps(OpTable& table) {
#define UNARY_FLOAT_OP(name, f)                                                                                       \
  table.push_back({#name, [](const Launch& l) {                                                                 \
                     const int64_t n = l.count(0);                                                              \
                     LAUNCH(unary##name, overElements(n), l.floats(0, n), l.floats(1, n), n, l.number(1));       \
                   }});
  UNARY_FLOATS(UNARY_FLOAT_OP)
#define UNARY_PLAIN_OP(name, f)                                                                                       \
  table.push_back({#name, [](const Launch& l) {                                                                 \
                     const int64_t n = l.count(0);                                                              \
                     LAUNCH(unary##name, overElements(n), l.floats(0, n), l.floats(1, n), n, 0);                 \
                   }});
  UNARY_PLAIN(UNARY_PLAIN_OP)
#define UNARY_INT_OP(name, f)                                                                                         \
  table.push_back({#name "/int32", [](const Launch& l) {                                                        \
                     const int64_t n = l.count(0);                                                              \
                     LAUNCH(unaryInt##name, overElements(n), l.ints(0, n), l.ints(1, n), n, l.number(1));        \
                   }});
  UNARY_INTS(UNARY_INT_OP)
#define UNARY_PREDICATE_OP(name, f)                                                                                   \
  table.push_back({#name, [](const Launch& l) {                                                                 \
                     const int64_t n = l.count(0);                                                              \
                     LAUNCH(predicate##name, overElements(n), l.floats(0, n), l.as<uint8_t>(1, n), n);           \
                   }});
  UNARY_PREDICATES(UNARY_PREDICATE_OP)
  table.push_back({"LogicalNot", [](const Launch& l) {
                     const int64_t n = l.count(0);
                     LAUNCH(logicalNotKernel, overElements(n), l.as<uint8_t>(0, n), l.as<uint8_t>(1, n), n);
                   }});
}

}  // namespace cuda
}  // namespace brevity
#endif
