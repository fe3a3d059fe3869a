// Each kind of device, for tests that do not test an op: the cpu device and the emulated one, or the one on a GPU with
// --fake and --gpu.
#pragma once
#include <cstdlib>
#include <functional>
#include <memory>

#include "../../src/cpu_device.h"
#include "compare.h"

// Sets an environment variable for the lifetime of the object.
struct Variable {
  const char* name;
  Variable(const char* name, const char* value) : name(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name); }
};

// LeakSanitizer's functions, if it is linked.
extern "C" void __attribute__((weak)) __lsan_disable();
extern "C" void __attribute__((weak)) __lsan_enable();

// A lost device frees nothing, because the driver may not answer.
struct LeaksAllowed {
  LeaksAllowed() {
    if (__lsan_disable != nullptr) __lsan_disable();
  }
  ~LeaksAllowed() {
    if (__lsan_enable != nullptr) __lsan_enable();
  }
};

struct OpenDevice {
  std::unique_ptr<brevity::Device> device;
  const std::vector<brevity::OpEntry>* table;

  int op(const std::string& name) const {
    for (size_t i = 0; i < table->size(); i++)
      if ((*table)[i].name == name) return static_cast<int>(i);
    throw std::runtime_error("no op " + name);
  }
};

inline OpenDevice openGpu() {
  return {brevity::cuda::makeDriverDevice(0, int64_t{1} << 30, true, brevity::cuda::Precision::fp32),
          &brevity::cuda::ops()};
}

// Passes `test` a function that opens each device in turn; a fake driver then computes.
inline void onEveryDevice(const std::function<void(const std::function<OpenDevice()>&)>& test) {
  constexpr int64_t kMemory = int64_t{1} << 30;
  if (gpu) {
    const Variable computes("FAKE_CUDA_COMPUTES", "1");
    return test(openGpu);
  }
  test([] { return OpenDevice{brevity::makeCpuDevice(kMemory, true), &brevity::cpuOps()}; });
  if (cpuOnly) return;
  test([] {
    return OpenDevice{brevity::cuda::makeEmulatedDevice(kMemory, brevity::cuda::Precision::fp32), &brevity::cuda::ops()};
  });
}
