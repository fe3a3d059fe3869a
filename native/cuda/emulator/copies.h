// Asynchronous copies into shared memory (cp.async). Hardware makes them at any time between their issue and their
// thread's wait. The emulator makes them as late as possible, so that memory read before the wait is still NaN or the
// previous tile; or, if threads run in reverse, at once, so that memory that others still read is overwritten.
#pragma once
#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "emulator.h"

namespace brevity {
namespace emulator {

constexpr int kCopyBytes = 16;

struct PendingCopy {
  void* to;
  const void* from;
  int bytes;  // followed by zeros
  int group;
};
struct CopiesOfThread {
  std::vector<PendingCopy> pending;
  int groups = 0;  // groups committed
};
// One per thread of the running block.
inline std::vector<CopiesOfThread> copies;
inline bool copiesAreEarly = false;

inline CopiesOfThread& copiesOfThread() {
  const auto thread = static_cast<size_t>(self->linear);
  if (copies.size() <= thread) copies.resize(thread + 1);
  return copies[thread];
}

inline void makeCopy(const PendingCopy& copy) {
  std::memset(copy.to, 0, kCopyBytes);
  if (copy.bytes > 0) std::memcpy(copy.to, copy.from, static_cast<size_t>(copy.bytes));
}

inline void beginCopy(void* to, const void* from, int bytes) {
  if (reinterpret_cast<uintptr_t>(to) % kCopyBytes != 0 || reinterpret_cast<uintptr_t>(from) % kCopyBytes != 0)
    throw std::runtime_error("an asynchronous copy from or to memory that is not aligned to 16 bytes");
  if (bytes < 0 || bytes > kCopyBytes) throw std::runtime_error("an asynchronous copy of more than 16 bytes");
  CopiesOfThread& mine = copiesOfThread();
  mine.pending.push_back({to, from, bytes, mine.groups});
  if (copiesAreEarly) makeCopy(mine.pending.back());
}

inline void commitCopies() { copiesOfThread().groups++; }

// Makes the copies of groups below `end`.
inline void finishUpTo(int end) {
  auto& pending = copiesOfThread().pending;
  const auto left = std::stable_partition(pending.begin(), pending.end(), [&](const PendingCopy& c) { return c.group < end; });
  if (!copiesAreEarly) std::for_each(pending.begin(), left, makeCopy);
  pending.erase(pending.begin(), left);
}
inline void finishCopies() { finishUpTo(copiesOfThread().groups + 1); }
inline void finishGroups(int but) { finishUpTo(copiesOfThread().groups - but); }

// At the end of a block: drops copies that threads did not wait for, and returns whether there were any.
inline bool leftCopies() {
  const bool left = std::any_of(copies.begin(), copies.end(), [](const auto& thread) { return !thread.pending.empty(); });
  copies.clear();
  return left;
}

}  // namespace emulator
}  // namespace brevity
