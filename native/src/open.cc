#include "open.h"

#include <cstdlib>

#include "bf16.h"
#include "cpu_device.h"
#if defined(BREVITY_CUDA_DIR)
#include "../cuda/device.h"
#include "../cuda/ops.h"
#endif

namespace brevity {

Opened openDevice(const std::string& name, int64_t memoryLimit, bool poison, const std::string& precision) {
  if (name == "cpu") {
    const bool rounded = precision == "bf16";
    if (!rounded && precision != "fp32") throw std::runtime_error("a processor multiplies in fp32 or bf16, not in " + precision);
    if (!rounded) return {makeCpuDevice(memoryLimit, poison, false), &cpuOps(false), "", nullptr};
    if (currentBf16() == Bf16::none) throw std::runtime_error(bf16Problem());
    return {makeCpuDevice(memoryLimit, poison, true), &cpuOps(true), bf16Name(currentBf16()), nullptr};
  }
  const bool emulated = name == "cuda-emulated";
  if (!emulated && name != "cuda" && name.rfind("cuda:", 0) != 0) throw std::runtime_error("there is no device " + name);
#if defined(BREVITY_CUDA_DIR)
  const cuda::Precision rounding = cuda::precisionFromName(precision);
  const int ordinal = name.size() > 5 && !emulated ? std::atoi(name.c_str() + 5) : 0;
  std::unique_ptr<cuda::OpDevice> device = emulated
                                               ? cuda::makeEmulatedDevice(memoryLimit, rounding)
                                               : cuda::makeDriverDevice(ordinal, memoryLimit, poison, rounding);
  cuda::OpDevice* const opened = device.get();
  const auto measure = [opened](double* bytes, double* operations) {
    const auto rates = opened->measure();
    *bytes = rates.bytes;
    *operations = rates.operations;
  };
  const std::string description = opened->description();
  return {std::move(device), &cuda::ops(), description, measure};
#else
  throw std::runtime_error("the CUDA device is built on Linux only");
#endif
}

}  // namespace brevity
