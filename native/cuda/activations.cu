// The feed-forward nonlinearities (../src/kernels/activations.h): SwiGLU (arXiv 2002.05202) and both forms of GELU
// (arXiv 1606.08415). Outputs may be inputs.
#include "cuda.h"

DEVICE float sigmoidOf(float x) { return 1.0f / (1.0f + expf(-x)); }
// Φ(x), from erfc: no digits are lost where it is small.
DEVICE float normalCdf(float x) { return 0.5f * erfcf(-0.70710678118654752f * x); }

constexpr float kRootTwoOverPi = 0.79788456080286536f;
constexpr float kCubic = 0.044715f;

KERNEL swigluKernel(const float* gate, const float* up, float* y, int64_t n) {
  for (EACH(i, n)) y[i] = gate[i] * sigmoidOf(gate[i]) * up[i];
}
KERNEL swigluGradKernel(const float* gate, const float* up, const float* dy, float* dgate, float* dup, int64_t n) {
  for (EACH(i, n)) {
    const float x = gate[i], u = up[i], d = dy[i], s = sigmoidOf(x);
    dgate[i] = d * u * s * (1.0f + x * (1.0f - s));
    dup[i] = d * x * s;
  }
}
KERNEL geluKernel(const float* x, float* y, int64_t n) {
  for (EACH(i, n)) y[i] = x[i] * normalCdf(x[i]);
}
KERNEL geluGradKernel(const float* x, const float* dy, float* dx, int64_t n) {
  for (EACH(i, n)) {
    const float v = x[i], density = 0.39894228040143268f * expf(-0.5f * v * v);
    dx[i] = dy[i] * (normalCdf(v) + v * density);
  }
}
KERNEL geluTanhKernel(const float* x, float* y, int64_t n) {
  for (EACH(i, n)) {
    const float v = x[i];
    // ½(1 + tanh z) = σ(2z)
    y[i] = v * sigmoidOf(2.0f * kRootTwoOverPi * (v + kCubic * v * v * v));
  }
}
KERNEL geluTanhGradKernel(const float* x, const float* dy, float* dx, int64_t n) {
  for (EACH(i, n)) {
    const float v = x[i], s = sigmoidOf(2.0f * kRootTwoOverPi * (v + kCubic * v * v * v));
    dx[i] = dy[i] * (s + v * s * (1.0f - s) * 2.0f * kRootTwoOverPi * (1.0f + 3.0f * kCubic * v * v));
  }
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {

void activationsOps(OpTable& table) {
  // gate, up, y; n
  table.push_back({"Swiglu", [](const Launch& l) {
                     const int64_t n = l.count(0);
                     LAUNCH(swigluKernel, overElements(n), l.floats(0, n), l.floats(1, n), l.floats(2, n), n);
                   }});
  // gate, up, dy, dgate, dup; n
  table.push_back({"SwigluGrad", [](const Launch& l) {
                     const int64_t n = l.count(0);
                     LAUNCH(swigluGradKernel, overElements(n), l.floats(0, n), l.floats(1, n), l.floats(2, n),
                            l.floats(3, n), l.floats(4, n), n);
                   }});
  // x, y; n, and x, dy, dx; n
#define GELU_OPS(name, kernel)                                                                                     \
  table.push_back({name, [](const Launch& l) {                                                                     \
                     const int64_t n = l.count(0);                                                                 \
                     LAUNCH(kernel##Kernel, overElements(n), l.floats(0, n), l.floats(1, n), n);                    \
                   }});                                                                                            \
  table.push_back({name "Grad", [](const Launch& l) {                                                              \
                     const int64_t n = l.count(0);                                                                 \
                     LAUNCH(kernel##GradKernel, overElements(n), l.floats(0, n), l.floats(1, n), l.floats(2, n), n); \
                   }});
  GELU_OPS("Gelu", gelu)
  GELU_OPS("GeluTanh", geluTanh)
}

}  // namespace cuda
}  // namespace brevity
#endif
