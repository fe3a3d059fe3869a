// Measures where a device's time goes, by op.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "device.h"

namespace brevity {

// Ops that ran, each between two marks of its device (BufferDevice::mark).
class Profiler {
 public:
  void add(const Launch& launch, int from, int to);
  // `between` gives the seconds from one mark to another.
  Profile result(const std::function<double(int from, int to)>& between) const;

 private:
  struct Entry {
    std::string op;
    int from, to;
  };
  std::vector<Entry> entries_;
};

}  // namespace brevity
