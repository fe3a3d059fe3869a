// Asynchronous copies into shared memory (cp.async). Hardware makes them at any time from their beginning to the wait of
// their thread: here as late as that, so that what is read before the wait is still NaN or the last tile, or, where
// threads run backwards, at once, so that what others still read is overwritten.
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
  int bytes;  // zeros behind them
  int group;
};
struct CopiesOfThread {
  std::vector<PendingCopy> pending;
  int groups = 0;  // that were committed
};
// By thread of the block that runs.
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

// Of groups below `end`.
inline void finishUpTo(int end) {
  auto& pending = copiesOfThread().pending;
  const auto left = std::stable_partition(pending.begin(), pending.end(), [&](const PendingCopy& c) { return c.group < end; });
  if (!copiesAreEarly) std::for_each(pending.begin(), left, makeCopy);
  pending.erase(pending.begin(), left);
}
inline void finishCopies() { finishUpTo(copiesOfThread().groups + 1); }
inline void finishGroups(int but) { finishUpTo(copiesOfThread().groups - but); }

// At the end of a block: whether a thread left copies that it did not wait for, which are dropped.
inline bool leftCopies() {
  const bool left = std::any_of(copies.begin(), copies.end(), [](const auto& thread) { return !thread.pending.empty(); });
  copies.clear();
  return left;
}

}  // namespace emulator
}  // namespace brevity
