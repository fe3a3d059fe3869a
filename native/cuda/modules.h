// The kernels of the .cu files as the driver takes them: the PTX that is in the repository, or, where the driver is too
// old for it, what an NVRTC found on the machine makes of the sources.
#pragma once
#include <string>
#include <unordered_map>

#include "driver.h"
#include "stream.h"

namespace brevity {
namespace cuda {

class Modules {
 public:
  // `major`, `minor`: the card's compute capability. Throws where no way leads to kernels for this card and driver.
  Modules(const Driver& driver, int major, int minor);
  ~Modules();
  Modules(const Modules&) = delete;
  Modules& operator=(const Modules&) = delete;

  // Loads the kernel's module the first time. Throws with the driver's or compiler's log.
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

// What build:kernels put into the addon: for a module its PTX, for a file of native/cuda its text. Null for none.
const char* embeddedPtx(const std::string& module);
const char* embeddedSource(const std::string& file);
// The files that sources include.
const std::vector<std::string>& embeddedHeaders();

}  // namespace cuda
}  // namespace brevity
