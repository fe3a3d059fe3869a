// The feed-forward nonlinearities (../src/kernels/activations.h): SwiGLU (arXiv 2002.05202) and both forms of GELU
// (arXiv 1606.08415). Outputs may be inputs.
#include "cuda.h"

DEVICE float sigmoidOf(float x) { return 1.0f / (1.0f + expf(-x)); }
// Φ(x), from erfc: no digits are lost where it is small.
DEVICE float normalCdf(float x) { return 0.5f * erfcf(-0.70710678118654752f * x); }

constexpr float kRootTwoOverPi = 0.79788456080286536f;
constexpr float kCubic = 0.044715f;

DEVICE float geluGradOf(float x) {
  return normalCdf(x) + x * (0.39894228040143268f * expf(-0.5f * x * x));
}
// ½(1 + tanh z) = σ(2z)
DEVICE float geluTanhGate(float x) { return sigmoidOf(2.0f * kRootTwoOverPi * (x + kCubic * x * x * x)); }
DEVICE float geluTanhGradOf(float x) {
  const float s = geluTanhGate(x);
  return s + x * s * (1.0f - s) * 2.0f * kRootTwoOverPi * (1.0f + 3.0f * kCubic * x * x);
}

// Results are float32, or bfloat16 where only products read them.
template <typename T>
DEVICE void swigluOf(const float* gate, const float* up, T* y, int64_t n, int64_t packs) {
  mapElements(n, packs, y, [](float x, float u) { return kept<T>(x * sigmoidOf(x) * u); }, gate, up);
}
template <typename T>
DEVICE void swigluGradOf(const float* gate, const float* up, const float* dy, T* dgate, T* dup, int64_t n,
                         int64_t packs) {
  eachPack(n, packs, [&](int64_t i, auto width) {
    const auto x = packAt<width.n>(gate + i), u = packAt<width.n>(up + i), d = packAt<width.n>(dy + i);
    mapPack<width.n>(dgate + i, [](float x, float u, float d) {
      const float s = sigmoidOf(x);
      return kept<T>(d * u * s * (1.0f + x * (1.0f - s)));
    }, x, u, d);
    mapPack<width.n>(dup + i, [](float x, float d) { return kept<T>(d * x * sigmoidOf(x)); }, x, d);
  });
}
#define SWIGLU_KERNELS(name, T)                                                                                   \
  KERNEL name(const float* gate, const float* up, T* y, int64_t n, int64_t packs) {                               \
    swigluOf(gate, up, y, n, packs);                                                                              \
  }                                                                                                               \
  KERNEL name##Grad(const float* gate, const float* up, const float* dy, T* dgate, T* dup, int64_t n, int64_t packs) { \
    swigluGradOf(gate, up, dy, dgate, dup, n, packs);                                                             \
  }
SWIGLU_KERNELS(swiglu, float)
SWIGLU_KERNELS(swigluBf16, uint16_t)

#define GELU_KERNELS(name, value, slope)                                                           \
  KERNEL name(const float* x, float* y, int64_t n, int64_t packs) {                                \
    mapElements(n, packs, y, [](float v) { return v * value(v); }, x);                             \
  }                                                                                                \
  KERNEL name##Bf16(const float* x, uint16_t* y, int64_t n, int64_t packs) {                       \
    mapElements(n, packs, y, [](float v) { return kept<uint16_t>(v * value(v)); }, x);             \
  }                                                                                                \
  KERNEL name##Grad(const float* x, const float* dy, float* dx, int64_t n, int64_t packs) {  \
    mapElements(n, packs, dx, [](float v, float d) { return d * slope(v); }, x, dy);               \
  }
GELU_KERNELS(gelu, normalCdf, geluGradOf)
GELU_KERNELS(geluTanh, geluTanhGate, geluTanhGradOf)

#if BREVITY_HOST
namespace brevity {
namespace cuda {

void activationsOps(OpTable& table) {
  // gate, up, y; n, and gate, up, dy, dgate, dup; n
#define SWIGLU_OPS(form, kernel, T)                                                                                \
  table.push_back({"Swiglu" form, [](const Launch& l) {                                                            \
                     const int64_t n = l.count(0);                                                                 \
                     const float *gate = l.floats(0, n), *up = l.floats(1, n);                                     \
                     T* y = l.as<T>(2, n);                                                                         \
                     LAUNCH(kernel, overElements(n, 4), gate, up, y, n, packsOf(n, gate, up, y));                  \
                   }});                                                                                            \
  table.push_back({"SwigluGrad" form, [](const Launch& l) {                                                        \
                     const int64_t n = l.count(0);                                                                 \
                     const float *gate = l.floats(0, n), *up = l.floats(1, n), *dy = l.floats(2, n);               \
                     T *dgate = l.as<T>(3, n), *dup = l.as<T>(4, n);                                               \
                     LAUNCH(kernel##Grad, overElements(n, 4), gate, up, dy, dgate, dup, n,                         \
                            packsOf(n, gate, up, dy, dgate, dup));                                                 \
                   }});
  SWIGLU_OPS("", swiglu, float)
  SWIGLU_OPS(">bf16", swigluBf16, uint16_t)
  // x, y; n, and x, dy, dx; n
#define GELU_OP(name, kernel, T)                                                                                   \
  table.push_back({name, [](const Launch& l) {                                                                     \
                     const int64_t n = l.count(0);                                                                 \
                     const float* x = l.floats(0, n);                                                              \
                     T* y = l.as<T>(1, n);                                                                         \
                     LAUNCH(kernel, overElements(n, 4), x, y, n, packsOf(n, x, y));                                \
                   }});
#define GELU_OPS(name, kernel)                                                                                     \
  GELU_OP(name, kernel, float)                                                                                     \
  GELU_OP(name ">bf16", kernel##Bf16, uint16_t)                                                                    \
  table.push_back({name "Grad", [](const Launch& l) {                                                              \
                     const int64_t n = l.count(0);                                                                 \
                     const float *x = l.floats(0, n), *dy = l.floats(1, n);                                        \
                     float* dx = l.floats(2, n);                                                                   \
                     LAUNCH(kernel##Grad, overElements(n, 4), x, dy, dx, n, packsOf(n, x, dy, dx));                \
                   }});
  GELU_OPS("Gelu", gelu)
  GELU_OPS("GeluTanh", geluTanh)
}

}  // namespace cuda
}  // namespace brevity
#endif
