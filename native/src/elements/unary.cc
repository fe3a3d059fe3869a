// Unary functions.
#include <cmath>

#include "blocks.h"
#include "elementwise.h"

namespace brevity {
namespace {

constexpr int64_t kGrain = 16384;
// Functions such as exp take about ten times as long as an addition.
constexpr int64_t kDearGrain = 2048;

template <typename T, typename R, T (*f)(T, T)>
void apply(const T* x, R* y, int64_t n, T alpha) {
  parallelFor(n, kDearGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) y[i] = f(x[i], alpha);
  });
}

template <bool (*f)(float)>
void test(const float* x, uint8_t* y, int64_t n) {
  parallelFor(n, kGrain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) y[i] = f(x[i]) ? 1 : 0;
  });
}

// NaN gives 0, as in TensorFlow.js.
float sign(float x, float) { return x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f; }
// Half to even, like TensorFlow.
float roundEven(float x, float) { return std::nearbyint(x); }
float step(float x, float alpha) { return x > 0 ? 1.0f : x != x ? x : alpha; }
float relu(float x, float) { return x < 0 ? 0.0f : x; }
float relu6(float x, float) { return x < 0 ? 0.0f : x > 6 ? 6.0f : x; }
float leakyRelu(float x, float alpha) { return x < 0 ? alpha * x : x; }
float elu(float x, float) { return x >= 0 ? x : std::expm1(x); }
// arXiv 1706.02515
float selu(float x, float) {
  return x >= 0 ? 1.0507009873554805f * x : 1.7580993408473769f * std::expm1(x);
}
float softplus(float x, float) { return (x > 0 ? x : 0.0f) + std::log1p(std::exp(-std::fabs(x))); }

#define FLOAT(name, expression) \
  float name(float x, float) { return expression; }
FLOAT(absolute, std::fabs(x))
FLOAT(arcCos, std::acos(x))
FLOAT(arcCosh, std::acosh(x))
FLOAT(arcSin, std::asin(x))
FLOAT(arcSinh, std::asinh(x))
FLOAT(arcTan, std::atan(x))
FLOAT(arcTanh, std::atanh(x))
FLOAT(ceiling, std::ceil(x))
FLOAT(cosine, std::cos(x))
FLOAT(cosineH, std::cosh(x))
FLOAT(exponentialM1, std::expm1(x))
FLOAT(floorOf, std::floor(x))
FLOAT(logarithm, std::log(x))
FLOAT(logarithm1P, std::log1p(x))
FLOAT(negative, -x)
FLOAT(reciprocal, 1.0f / x)
FLOAT(reciprocalRoot, 1.0f / std::sqrt(x))
FLOAT(sine, std::sin(x))
FLOAT(sineH, std::sinh(x))
FLOAT(root, std::sqrt(x))
FLOAT(square, x * x)
// In float64, for arguments of any size.
FLOAT(tangent, static_cast<float>(std::tan(double{x})))
#undef FLOAT

// Integers wrap around.
int32_t wrapped(uint32_t x) { return static_cast<int32_t>(x); }
uint32_t bits(int32_t x) { return static_cast<uint32_t>(x); }

int32_t absoluteInt(int32_t x, int32_t) { return x < 0 ? wrapped(0 - bits(x)) : x; }
int32_t negativeInt(int32_t x, int32_t) { return wrapped(0 - bits(x)); }
int32_t squareInt(int32_t x, int32_t) { return wrapped(bits(x) * bits(x)); }
int32_t signInt(int32_t x, int32_t) { return (x > 0) - (x < 0); }
int32_t reluInt(int32_t x, int32_t) { return x < 0 ? 0 : x; }
int32_t relu6Int(int32_t x, int32_t) { return x < 0 ? 0 : x > 6 ? 6 : x; }
int32_t stepInt(int32_t x, int32_t alpha) { return x > 0 ? 1 : alpha; }
int32_t same(int32_t x, int32_t) { return x; }

bool isNan(float x) { return std::isnan(x); }
bool isInf(float x) { return std::isinf(x); }
bool isFinite(float x) { return std::isfinite(x); }

}  // namespace

#define ROW(name, f) {name, apply<float, float, f>}
const Named<UnaryFloat> kUnaryFloat[] = {
    ROW("Abs", absolute),    ROW("Acos", arcCos),         ROW("Acosh", arcCosh),      ROW("Asin", arcSin),
    ROW("Asinh", arcSinh),   ROW("Atan", arcTan),         ROW("Atanh", arcTanh),      ROW("Ceil", ceiling),
    ROW("Cos", cosine),      ROW("Cosh", cosineH),        ROW("Elu", elu),
    ROW("Expm1", exponentialM1), ROW("Floor", floorOf),      ROW("LeakyRelu", leakyRelu),
    ROW("Log", logarithm),   ROW("Log1p", logarithm1P),   ROW("Neg", negative),       ROW("Reciprocal", reciprocal),
    ROW("Relu", relu),       ROW("Relu6", relu6),         ROW("Round", roundEven),    ROW("Rsqrt", reciprocalRoot),
    ROW("Selu", selu),     ROW("Sign", sign),          ROW("Sin", sine),
    ROW("Sinh", sineH),      ROW("Softplus", softplus),   ROW("Sqrt", root),          ROW("Square", square),
    ROW("Step", step),       ROW("Tan", tangent),      {nullptr, nullptr}};
#undef ROW

#define ROW(name, f) {name, apply<int32_t, int32_t, f>}
const Named<UnaryInt> kUnaryInt[] = {
    ROW("Abs", absoluteInt), ROW("Neg", negativeInt), ROW("Square", squareInt), ROW("Sign", signInt),
    ROW("Relu", reluInt),    ROW("Relu6", relu6Int),  ROW("Step", stepInt),     ROW("Ceil", same),
    ROW("Floor", same),      ROW("Round", same),      {nullptr, nullptr}};
#undef ROW

const Named<Predicate> kPredicates[] = {
    {"IsNan", test<isNan>}, {"IsInf", test<isInf>}, {"IsFinite", test<isFinite>}, {nullptr, nullptr}};

}  // namespace brevity
