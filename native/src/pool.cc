#include "pool.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "device.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace brevity {
namespace {

constexpr int64_t kAlignment = 64;
// Blocks of at least twice this size use huge pages if the system has them, for fewer faults and TLB misses.
constexpr int64_t kHugePage = int64_t{2} << 20;
// Always kept in addition to half of the bytes in use, however few those are.
constexpr int64_t kAlwaysKept = int64_t{128} << 20;

int64_t roundUp(int64_t bytes, int64_t to) { return (bytes + to - 1) / to * to; }

// Most bytes of a block that may serve a request of this size.
int64_t mostFor(int64_t bytes) { return bytes + bytes / 8 + 4096; }

void systemFree(void* block) {
#if defined(_WIN32)
  _aligned_free(block);
#else
  std::free(block);
#endif
}

}  // namespace

void* Pool::allocate(int64_t bytes, int64_t* capacity) {
  // Larger sizes would overflow in the rounding below.
  if (bytes < 0 || bytes > (int64_t{1} << 52)) throw OutOfMemory(bytes);
  const int64_t size = roundUp(bytes < 1 ? 1 : bytes, kAlignment);
  void* block = reuse(size, capacity);
  if (block == nullptr) {
    if (used_ + size > limit_) throw OutOfMemory(bytes);
    if (used_ + cached_ + size > limit_) giveBack(limit_ - used_ - size);
    block = fresh(size);
    if (block == nullptr) {
      giveBack(0);
      block = fresh(size);
    }
    if (block == nullptr) throw OutOfMemory(bytes);
    *capacity = size;
  }
  used_ += *capacity;
  peak_ = std::max(peak_, used_);
  needed_ = std::max(needed_, used_);
  // All bits set is a NaN as a float and -1 as an integer.
  if (poison_) std::memset(block, 0xff, static_cast<size_t>(*capacity));
  return block;
}

void* Pool::reuse(int64_t bytes, int64_t* capacity) {
  const auto found = bySize_.lower_bound(bytes);
  if (found == bySize_.end() || found->first > mostFor(bytes)) return nullptr;
  const Kept kept = *found->second;
  age_.erase(found->second);
  bySize_.erase(found);
  cached_ -= kept.capacity;
  *capacity = kept.capacity;
  return kept.block;
}

void* Pool::fresh(int64_t capacity) {
  const bool huge = capacity >= 2 * kHugePage;
#if defined(_WIN32)
  return _aligned_malloc(static_cast<size_t>(capacity), kAlignment);
#else
  void* block = nullptr;
  const size_t alignment = static_cast<size_t>(huge ? kHugePage : kAlignment);
  if (posix_memalign(&block, alignment, static_cast<size_t>(capacity)) != 0) return nullptr;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  // Only whole huge pages, because the rest of the last one would be wasted.
  if (huge) madvise(block, static_cast<size_t>(capacity / kHugePage * kHugePage), MADV_HUGEPAGE);
#endif
  return block;
#endif
}

void Pool::free(void* block, int64_t capacity) {
  used_ -= capacity;
  cached_ += capacity;
  age_.push_back({block, capacity});
  bySize_.emplace(capacity, std::prev(age_.end()));
  // A step takes and frees the same blocks as the previous one, so blocks that were needed once are kept for the next.
  const int64_t most = std::max(kAlwaysKept + used_ / 2, needed_ + needed_ / 4 - used_);
  if (cached_ > most) giveBack(most);
}

void Pool::trim() {
  giveBack(0);
  needed_ = used_;
}

void Pool::giveBack(int64_t keep) {
  while (!age_.empty() && cached_ > keep) {
    const auto oldest = age_.begin();
    for (auto [at, end] = bySize_.equal_range(oldest->capacity); at != end; ++at) {
      if (at->second != oldest) continue;
      bySize_.erase(at);
      break;
    }
    cached_ -= oldest->capacity;
    systemFree(oldest->block);
    age_.erase(oldest);
  }
}

}  // namespace brevity
