// The device that computes on this processor, synchronously on the calling thread, which shares the work with the
// thread pool (threads.h).
#pragma once
#include <memory>

#include "device.h"

namespace brevity {

// `rounded`: products round their operands to bfloat16.
std::unique_ptr<Device> makeCpuDevice(int64_t memoryLimit, bool poison, bool rounded = false);

}  // namespace brevity
