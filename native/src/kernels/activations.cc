#include "activations.h"

#include "../threads.h"
#include "math.h"

namespace brevity {
namespace BREVITY_NS {
namespace {

constexpr int64_t kChunk = 8192;

template <class F>
void each(int64_t n, const F& step) {
  int64_t tasks = blocksOf(n, kChunk);
  parallel(tasks, workersFor(tasks), [&](int64_t task, int) {
    int64_t first = task * kChunk;
    eachVector(least(kChunk, n - first), [&](int64_t i, auto lanes) { step(first + i, lanes); });
  });
}

constexpr float kBell = 0.398942280401432678f;  // 1/√(2π)

}  // namespace

void swiglu(const float* gate, const float* up, float* y, int64_t n) {
  each(n, [&](int64_t i, auto lanes) {
    vec g = lanes.get(gate + i);
    lanes.put(y + i, g * sigmoidOf(g) * lanes.get(up + i));
  });
}

void swigluGrad(const float* gate, const float* up, const float* dy, float* dgate, float* dup, int64_t n) {
  vec one = splat(1.0f);
  each(n, [&](int64_t i, auto lanes) {
    vec g = lanes.get(gate + i), u = lanes.get(up + i), d = lanes.get(dy + i), s = sigmoidOf(g);
    lanes.put(dup + i, d * (g * s));
    lanes.put(dgate + i, d * u * (s * fma(g, one - s, one)));
  });
}

void gelu(const float* x, float* y, int64_t n) {
  each(n, [&](int64_t i, auto lanes) {
    vec v = lanes.get(x + i), bell;
    lanes.put(y + i, v * gaussianOf(v, &bell));
  });
}

void geluGrad(const float* x, const float* dy, float* dx, int64_t n) {
  each(n, [&](int64_t i, auto lanes) {
    vec v = lanes.get(x + i), bell, cdf = gaussianOf(v, &bell);
    lanes.put(dx + i, lanes.get(dy + i) * fma(v * bell, splat(kBell), cdf));
  });
}

void geluTanh(const float* x, float* y, int64_t n) {
  each(n, [&](int64_t i, auto lanes) { lanes.put(y + i, geluTanhOf(lanes.get(x + i))); });
}

// With s = σ(u), u = 2√(2/π)(x + 0.044715x³): s + x·s(1 - s)·u'.
void geluTanhGrad(const float* x, const float* dy, float* dx, int64_t n) {
  vec one = splat(1.0f);
  each(n, [&](int64_t i, auto lanes) {
    vec v = lanes.get(x + i), squared = v * v;
    vec s = sigmoidOf(v * fma(splat(0.0713548163f), squared, splat(1.59576912f)));
    vec slope = fma(splat(3 * 0.0713548163f), squared, splat(1.59576912f));
    lanes.put(dx + i, lanes.get(dy + i) * fma(v * s * (one - s), slope, s));
  });
}

void exponential(const float* x, float* y, int64_t n) {
  each(n, [&](int64_t i, auto lanes) { lanes.put(y + i, exponentialOf(lanes.get(x + i))); });
}

void sigmoid(const float* x, float* y, int64_t n) {
  each(n, [&](int64_t i, auto lanes) { lanes.put(y + i, sigmoidOf(lanes.get(x + i))); });
}

void hyperbolicTangent(const float* x, float* y, int64_t n) {
  each(n, [&](int64_t i, auto lanes) { lanes.put(y + i, tanhOf(lanes.get(x + i))); });
}

void errorFunction(const float* x, float* y, int64_t n) {
  each(n, [&](int64_t i, auto lanes) { lanes.put(y + i, errorFunctionOf(lanes.get(x + i))); });
}

}  // namespace BREVITY_NS
}  // namespace brevity
