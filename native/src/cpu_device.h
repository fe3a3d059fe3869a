// The device that computes on this processor, at once and on the calling thread, which shares the work with the pool of
// threads (threads.h).
#pragma once
#include <memory>

#include "device.h"

namespace brevity {

std::unique_ptr<Device> makeCpuDevice(int64_t memoryLimit, bool poison);

}  // namespace brevity
