// The devices by name.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "device.h"

namespace brevity {

struct Opened {
  std::unique_ptr<Device> device;
  const std::vector<OpEntry>* ops;
  // For people: card, driver, libraries; empty for `cpu`, which has its instruction set.
  std::string description;
  // Bytes a second of a large copy on the device, and floating-point operations a second of a large matrix product;
  // null for `cpu`.
  std::function<void(double* bytes, double* operations)> measure;
};

// `cpu`; `cuda` or `cuda:1`, the GPU of that number; `cuda-emulated` in builds for tests. `precision` is what operands of
// matrix products are rounded to on a GPU: fp32, tf32, bf16. Throws where there is no such device, and why.
Opened openDevice(const std::string& name, int64_t memoryLimit, bool poison, const std::string& precision);

}  // namespace brevity
