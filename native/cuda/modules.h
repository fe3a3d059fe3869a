// Loads the kernels of the .cu files into the driver: the PTX in the repository or, if the driver is too old for it,
// the output of an NVRTC found on the machine.
#pragma once
#include <string>
#include <unordered_map>

#include "driver.h"
#include "stream.h"

namespace brevity {
namespace cuda {

class Modules {
 public:
  // `major`, `minor`: the card's compute capability. Throws if there is no way to get kernels for this card and driver.
  Modules(const Driver& driver, int major, int minor);
  ~Modules();
  Modules(const Modules&) = delete;
  Modules& operator=(const Modules&) = delete;

  // Loads the kernel's module at its first use. Throws with the driver's or compiler's log.
  CUfunction find(const Kernel& kernel, int64_t sharedBytes);
  // "PTX" or the path and version of the NVRTC.
  const std::string& origin() const { return origin_; }

 private:
  CUmodule load(const std::string& name);

  const Driver& driver_;
  const std::string architecture_;
  std::string origin_;
  bool compiles_ = false;
  std::unordered_map<std::string, CUmodule> modules_;
  struct Found {
    CUfunction function;
    int64_t sharedBytes;
  };
  std::unordered_map<const Kernel*, Found> kernels_;
};

// Embedded by build:kernels: a module's PTX, and the text of a file of native/cuda. Null if there is none.
const char* embeddedPtx(const std::string& module);
const char* embeddedSource(const std::string& file);
// The headers that the sources include.
const std::vector<std::string>& embeddedHeaders();

}  // namespace cuda
}  // namespace brevity
