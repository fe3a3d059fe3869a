// Opens devices by name.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "device.h"

namespace brevity {

struct Opened {
  std::unique_ptr<Device> device;
  const std::vector<OpEntry>* ops;
  // For people: card, driver, libraries; of `cpu`, which reports its instruction set, that of its bfloat16 products.
  std::string description;
  // Bytes per second of a large copy on the device, and floating-point operations per second of a large matrix product;
  // null for `cpu`.
  std::function<void(double* bytes, double* operations)> measure;
};

// `cpu`; `cuda` or `cuda:1`, the GPU of that number; `cuda-emulated` in builds for tests. `precision` is the type that
// operands of matrix products are rounded to: fp32, bf16, and on GPUs tf32. Throws with the reason if there is no such
// device, or if it has no such products.
Opened openDevice(const std::string& name, int64_t memoryLimit, bool poison, const std::string& precision);

}  // namespace brevity
