// Asynchronous copies into shared memory (cp.async). Hardware makes them at any time from their beginning to the wait of
// their thread: here as late as that, so that what is read before the wait is still NaN or the last tile, or, where
// threads run backwards, at once, so that what others still read is overwritten.
#pragma once
#include <cstring>
#include <stdexcept>
#include <vector>

#include "emulator.h"

namespace brevity {
namespace emulator {

constexpr int kCopyBytes = 16;

struct PendingCopy {
  void* to;
  const void* from;  // null: zeros
};
// By thread of the block that runs.
inline std::vector<std::vector<PendingCopy>> pendingCopies;
inline bool copiesAreEarly = false;

inline void makeCopy(const PendingCopy& copy) {
  if (copy.from == nullptr)
    std::memset(copy.to, 0, kCopyBytes);
  else
    std::memcpy(copy.to, copy.from, kCopyBytes);
}

inline void beginCopy(void* to, const void* from) {
  const auto thread = static_cast<size_t>(self->linear);
  if (pendingCopies.size() <= thread) pendingCopies.resize(thread + 1);
  if (reinterpret_cast<uintptr_t>(to) % kCopyBytes != 0 || reinterpret_cast<uintptr_t>(from) % kCopyBytes != 0)
    throw std::runtime_error("an asynchronous copy from or to memory that is not aligned to 16 bytes");
  pendingCopies[thread].push_back({to, from});
  if (copiesAreEarly) makeCopy({to, from});
}

inline void finishCopies() {
  const auto thread = static_cast<size_t>(self->linear);
  if (pendingCopies.size() <= thread) return;
  for (const PendingCopy& copy : pendingCopies[thread])
    if (!copiesAreEarly) makeCopy(copy);
  pendingCopies[thread].clear();
}

// At the end of a block: whether a thread left copies that it did not wait for, which are dropped.
inline bool leftCopies() {
  bool left = false;
  for (auto& ofThread : pendingCopies) {
    left = left || !ofThread.empty();
    ofThread.clear();
  }
  return left;
}

}  // namespace emulator
}  // namespace brevity
