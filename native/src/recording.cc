#include "recording.h"

#include <algorithm>

namespace brevity {

void Recording::add(int op, const Launch& launch) {
  steps_.push_back({op, static_cast<int>(buffers_.size()), launch.bufferCount, static_cast<int>(params_.size()),
                    launch.paramCount});
  buffers_.insert(buffers_.end(), launch.buffers, launch.buffers + launch.bufferCount);
  params_.insert(params_.end(), launch.params, launch.params + launch.paramCount);
}

void Recording::needs(const Allocation& allocation) {
  const auto same = [&](const Allocation& other) { return other.serial == allocation.serial; };
  if (std::none_of(needed_.begin(), needed_.end(), same)) needed_.push_back(allocation);
}

bool Recording::reuse(int64_t bytes, Block* found) {
  const auto fits = [&](const Block& block) { return block.bytes == bytes; };
  // The one released last, because its memory may still be in a cache.
  const auto last = std::find_if(free_.rbegin(), free_.rend(), fits);
  if (last == free_.rend()) return false;
  *found = *last;
  free_.erase(std::next(last).base());
  return true;
}

void Recording::disown(const void* data) {
  const auto is = [&](const Block& block) { return block.data == data; };
  owned_.erase(std::remove_if(owned_.begin(), owned_.end(), is), owned_.end());
}

}  // namespace brevity
