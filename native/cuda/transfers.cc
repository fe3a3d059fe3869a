#include "transfers.h"

#include <algorithm>
#include <cstring>

namespace brevity {
namespace cuda {
namespace {

constexpr int64_t kStaging = int64_t{16} << 20;  // size of each pinned buffer

}  // namespace

void Transfers::open(CUstream stream) {
  stream_ = stream;
  for (Staging& staging : staging_) {
    watch_.check(driver_.hostAllocate(reinterpret_cast<void**>(&staging.memory), kStaging, 0), "pin memory");
    watch_.check(driver_.eventCreate(&staging.free, 0), "make an event");
  }
  watch_.check(driver_.hostAllocate(reinterpret_cast<void**>(&readback_), kStaging, 0), "pin memory");
}

void Transfers::close() {
  for (Staging& staging : staging_) {
    if (staging.memory != nullptr) driver_.hostFree(staging.memory);
    if (staging.free != nullptr) driver_.eventDestroy(staging.free);
  }
  if (readback_ != nullptr) driver_.hostFree(readback_);
}

void Transfers::write(void* to, const void* from, int64_t bytes) {
  for (int64_t done = 0; done < bytes;) {
    Staging& staging = staging_[current_];
    if (staging.used == kStaging) {
      watch_.check(driver_.eventRecord(staging.free, stream_), "copy to the GPU");
      current_ = (current_ + 1) % kStagings;
      watch_.waitFor([&] { return driver_.eventQuery(staging_[current_].free); }, "a copy to the GPU");
      staging_[current_].used = 0;
      continue;
    }
    const int64_t part = std::min(bytes - done, kStaging - staging.used);
    std::memcpy(staging.memory + staging.used, static_cast<const char*>(from) + done, static_cast<size_t>(part));
    watch_.check(driver_.copyToDevice(reinterpret_cast<CUdeviceptr>(to) + static_cast<CUdeviceptr>(done),
                                      staging.memory + staging.used, static_cast<size_t>(part), stream_),
                 "copy to the GPU");
    // Copies begin at multiples of 256 bytes.
    staging.used = std::min(kStaging, (staging.used + part + 255) / 256 * 256);
    done += part;
  }
}

void Transfers::read(const std::vector<HostCopy>& copies) {
  int64_t used = 0;
  std::vector<HostCopy> pending;  // from pinned memory
  const auto finish = [&] {
    watch_.waitFor([&] { return driver_.streamQuery(stream_); }, "a copy from the GPU");
    for (const HostCopy& copy : pending) std::memcpy(copy.to, copy.from, static_cast<size_t>(copy.bytes));
    pending.clear();
    used = 0;
  };
  for (const auto& [to, from, bytes] : copies)
    for (int64_t done = 0; done < bytes;) {
      if (used == kStaging) finish();
      const int64_t part = std::min(bytes - done, kStaging - used);
      watch_.check(driver_.copyToHost(readback_ + used, reinterpret_cast<CUdeviceptr>(from) + static_cast<CUdeviceptr>(done),
                                      static_cast<size_t>(part), stream_),
                   "copy from the GPU");
      pending.push_back({static_cast<char*>(to) + done, readback_ + used, part});
      used += part;
      done += part;
    }
  finish();
}

}  // namespace cuda
}  // namespace brevity
