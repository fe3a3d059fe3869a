#include "profile.h"

#include <algorithm>
#include <map>

namespace brevity {
namespace {

// Products are distinguished by size: M × N × K.
std::string nameOf(const Launch& launch) {
  std::string name = launch.op;
  if (name.rfind("MatMul", 0) != 0) return name;
  for (const int size : {3, 4, 5}) name += (size == 3 ? " " : "×") + std::to_string(launch.integer(size));
  return name;
}

}  // namespace

void Profiler::add(const Launch& launch, int from, int to) { entries_.push_back({nameOf(launch), from, to}); }

Profile Profiler::result(const std::function<double(int from, int to)>& between) const {
  Profile profile{};
  if (entries_.empty()) return profile;
  profile.seconds = between(entries_.front().from, entries_.back().to);
  std::map<std::string, OpTime> byOp;
  for (const Entry& entry : entries_) {
    OpTime& time = byOp[entry.op];
    time.op = entry.op;
    time.count++;
    time.seconds += between(entry.from, entry.to);
  }
  for (const auto& [op, time] : byOp) profile.ops.push_back(time);
  std::sort(profile.ops.begin(), profile.ops.end(), [](const OpTime& a, const OpTime& b) { return a.seconds > b.seconds; });
  return profile;
}

}  // namespace brevity
