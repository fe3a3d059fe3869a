// What every .cu file begins with. It is compiled three ways:
//   - by nvcc (`npm run build:kernels`) or NVRTC: device code only, BREVITY_HOST is 0;
//   - as C++ with BREVITY_EMULATED: kernels that run in the emulator, and their launchers;
//   - as C++ for the addon: launchers only. The kernels' text gives the types of their parameters and no code.
// A file holds one op: its kernels, what launches them, and its entries in the table of ops (ops.h). Buffers and params
// are those of the cpu device's entry of the same name.
//
// Kernels are plain: float32, float64 where sums are long, no fast-math. A result depends neither on scheduling nor,
// row for row, on the other rows of a batch: no float is added atomically.
#pragma once

#if defined(__CUDACC__)
#define BREVITY_HOST 0
#if defined(__CUDACC_RTC__)
// NVRTC has no system headers.
typedef unsigned char uint8_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
typedef unsigned short uint16_t;
#else
#include <cstdint>
#endif
#define KERNEL extern "C" __global__ void
#define UNROLL _Pragma("unroll")
#define NO_UNROLL _Pragma("unroll 1")
#define SHARED_MEMORY(type, name)                        \
  extern __shared__ __align__(16) unsigned char name##_[]; \
  type* name = reinterpret_cast<type*>(name##_)
#else
#define BREVITY_HOST 1
#include "emulator/emulator.h"
#define KERNEL __global__ void
#define UNROLL
#define NO_UNROLL
#define SHARED_MEMORY(type, name) type* name = static_cast<type*>(::brevity::emulator::currentShared)
#endif
#define DEVICE [[maybe_unused]] static __device__ inline

#if defined(__CUDACC__)
#define INFINITE __int_as_float(0x7f800000)
#define NOT_A_NUMBER __int_as_float(0x7fffffff)
#else
#define INFINITE __uint_as_float(0x7f800000u)
#define NOT_A_NUMBER __uint_as_float(0x7fffffffu)
#endif

// Threads of a block, where a kernel does not say otherwise.
[[maybe_unused]] constexpr int kThreads = 256;

DEVICE bool isNan(float x) { return x != x; }

// To the nearest, ties to even. A NaN stays one.
DEVICE uint32_t bf16Bits(float x) {
  const uint32_t bits = __float_as_uint(x);
  if (isNan(x)) return 0x7fc0u;
  return (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
}
// An element of float32 or bfloat16.
DEVICE float valueOf(float x) { return x; }
DEVICE float valueOf(uint16_t x) { return __uint_as_float(static_cast<uint32_t>(x) << 16); }

// A result as its memory keeps it: float32, or bfloat16.
template <typename T>
DEVICE T kept(float x) {
  if constexpr (sizeof(T) == 2) return static_cast<T>(bf16Bits(x));
  else return x;
}

// n elements that are read or written together, 16 bytes an access: their address is a multiple of these, or of all
// they have. Kernels that compute little need them: with single words too few bytes are under way to fill the memory.
template <typename T, int n>
struct alignas(sizeof(T) * n < 16 ? sizeof(T) * n : 16) Pack {
  T at[n];
};
template <int n, typename T>
DEVICE Pack<T, n> packAt(const T* x) {
  return *reinterpret_cast<const Pack<T, n>*>(x);
}
template <int n, typename T>
DEVICE void putPack(T* x, const Pack<T, n>& pack) {
  *reinterpret_cast<Pack<T, n>*>(x) = pack;
}

// y[k] = f(x[k]…) for n elements. The pointers of y and x may be the same.
template <int n, typename T, typename F, typename... X>
DEVICE void mapPack(T* y, F f, const Pack<X, n>&... x) {
  Pack<T, n> result;
  UNROLL
  for (int k = 0; k < n; k++) result.at[k] = f(x.at[k]...);
  putPack(y, result);
}

// i / by and i % by for i >= 0. 32-bit divisions are several times faster.
struct Division {
  int64_t whole, rest;
};
DEVICE Division divide(int64_t i, int64_t by) {
  if (i <= 0x7fffffff && by <= 0x7fffffff) {
    const uint32_t whole = static_cast<uint32_t>(i) / static_cast<uint32_t>(by);
    return {whole, static_cast<uint32_t>(i) - whole * static_cast<uint32_t>(by)};
  }
  return {i / by, i % by};
}

// The thread's place in the grid and the number of threads: `for (EACH(i, n))` shares [0, n) among all.
DEVICE int64_t firstIndex() { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
DEVICE int64_t gridStride() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }
#define EACH(i, n) int64_t i = firstIndex(); i < (n); i += gridStride()

// f(place, width) for the first `packs` packs of four of n elements, then for each of those that are left: width.n is 4
// or 1.
template <int count>
struct Width {
  static constexpr int n = count;
};
template <typename F>
DEVICE void eachPack(int64_t n, int64_t packs, F f) {
  for (EACH(i, packs)) f(4 * i, Width<4>());
  for (EACH(i, n - 4 * packs)) f(4 * packs + i, Width<1>());
}
// y = f(x…), element by element.
template <typename T, typename F, typename... X>
DEVICE void mapElements(int64_t n, int64_t packs, T* y, F f, const X*... x) {
  eachPack(n, packs, [&](int64_t i, auto width) { mapPack<width.n>(y + i, f, packAt<width.n>(x + i)...); });
}

// What a kernel found wrong in its data, where the host can read it after the kernel: the first one stays.
struct Fault {
  int32_t code, value, limit, reserved;
};
enum FaultCode { noFault = 0, indexFault = 1, positionFault = 2, targetFault = 3, cacheFault = 4, segmentFault = 5, promptFault = 6 };

DEVICE void report(Fault* fault, int code, int value, int64_t limit) {
  if (atomicCAS(&fault->code, 0, code) != 0) return;
  fault->value = value;
  fault->limit = static_cast<int32_t>(limit);
}
// index where it is below limit; else reports it, and 0 stands for it.
DEVICE int64_t checked(Fault* fault, int code, int32_t index, int64_t limit) {
  if (index >= 0 && index < limit) return index;
  report(fault, code, index, limit);
  return 0;
}

#if BREVITY_HOST
#include "ops.h"
#include "stream.h"

namespace brevity {
namespace cuda {

// Whether packs of 16 bytes may begin at these pointers, null among them.
template <typename... P>
bool areAligned(const P*... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) % 16 == 0) && ...);
}
// Packs of four of n words at these pointers.
template <typename... P>
int64_t packsOf(int64_t n, const P*... pointers) {
  return areAligned(pointers...) ? n / 4 : 0;
}

}  // namespace cuda
}  // namespace brevity
#endif
