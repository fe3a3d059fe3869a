// The target of launchers: an order of work on a device, memory for intermediate results, and the choice of matrix
// product. The device that runs an op makes its stream the current one (StreamScope).
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../src/kernels/gemm.h"
#include "emulator/emulator.h"

namespace brevity {
namespace cuda {

// How to find a kernel: `file` is its source, whose base name is the module's. `invoke` runs it in the emulator; null
// in builds without it.
struct Kernel {
  const char* name;
  const char* file;
  void (*invoke)(void** arguments);
};

struct Geometry {
  dim3 blocks, threads;
  int64_t sharedBytes;
  Geometry(dim3 blocks, dim3 threads, int64_t sharedBytes = 0)
      : blocks(blocks), threads(threads), sharedBytes(sharedBytes) {}
};

// The type that operands of matrix products are rounded to. Sums are always float32.
enum class Precision { fp32, tf32, bf16 };

class Stream {
 public:
  virtual ~Stream() = default;
  // Arguments are copied before this returns.
  virtual void launch(const Kernel& kernel, const Geometry& geometry, void** arguments) = 0;
  // Memory that may be released as soon as its last kernel was launched. Throws OutOfMemory.
  virtual void* takeScratch(int64_t bytes) = 0;
  virtual void giveScratch(void* memory) = 0;
  // Whether matrix products use a library.
  virtual bool hasProducts() const = 0;
  // C = op(A)·op(B) (+ C) by that library, from float32 or, for bf16, from rounded copies; no bias, no activation.
  // Returns false if the library does not support the shape.
  virtual bool product(const Gemm& product, Precision precision, const void* A, const void* B) = 0;
  // The current op's Fault (cuda.h), in device memory.
  virtual void* fault() = 0;
  virtual Precision precision() const = 0;
  virtual int multiprocessors() const = 0;
};

// The stream of the op that this thread is running.
Stream& stream();

class StreamScope {
 public:
  explicit StreamScope(Stream& stream);
  ~StreamScope();
  StreamScope(const StreamScope&) = delete;
  StreamScope& operator=(const StreamScope&) = delete;

 private:
  Stream* before_;
};

// Intermediate results of an op: n elements of T, uninitialised.
template <typename T>
class Scratch {
 public:
  explicit Scratch(int64_t n)
      : data_(static_cast<T*>(stream().takeScratch((n > 0 ? n : 1) * static_cast<int64_t>(sizeof(T))))) {}
  ~Scratch() { stream().giveScratch(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  operator T*() const { return data_; }

 private:
  T* data_;
};

inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Checks a grid dimension; throws if the device does not support it.
unsigned gridSize(int64_t blocks);

// Threads that go over n elements in strides (EACH): enough to fill the device.
Geometry overElements(int64_t n, int64_t each = 1);

template <typename... P, typename... A>
void launchAs(void (*)(P...), const Kernel& kernel, const Geometry& geometry, A&&... arguments) {
  static_assert(sizeof...(P) == sizeof...(A), "a kernel needs all its arguments");
  // Converts to the kernel's own types, because a double passed for a float would be read as garbage.
  std::tuple<std::decay_t<P>...> values(std::forward<A>(arguments)...);
  std::apply(
      [&](auto&... value) {
        void* addresses[] = {const_cast<void*>(static_cast<const void*>(&value))...};
        stream().launch(kernel, geometry, addresses);
      },
      values);
}

template <typename... P, std::size_t... i>
void callWith(void (*kernel)(P...), void** arguments, std::index_sequence<i...>) {
  kernel(*static_cast<std::decay_t<P>*>(arguments[i])...);
}
template <typename... P>
void callWith(void (*kernel)(P...), void** arguments) {
  callWith(kernel, arguments, std::index_sequence_for<P...>());
}

#if defined(BREVITY_EMULATED)
#define BREVITY_INVOKE(kernel) [](void** arguments) { ::brevity::cuda::callWith(kernel, arguments); }
#else
#define BREVITY_INVOKE(kernel) nullptr
#endif

// LAUNCH(kernel, geometry, arguments...): launches nothing if the grid is empty.
#define LAUNCH(kernel, geometry, ...)                                                              \
  do {                                                                                             \
    static const ::brevity::cuda::Kernel kernelHere{#kernel, __FILE__, BREVITY_INVOKE(kernel)};     \
    ::brevity::cuda::launchAs(static_cast<decltype(&kernel)>(nullptr), kernelHere, geometry, __VA_ARGS__); \
  } while (false)

}  // namespace cuda
}  // namespace brevity
