// Copies between the host and a GPU through pinned memory, the only host memory that the GPU accesses directly.
//
// **Has not run on hardware yet** (docs/cuda.md).
#pragma once
#include <functional>
#include <vector>

#include "device.h"
#include "driver.h"

namespace brevity {
namespace cuda {

// The device's own handling of errors and waits.
class Watch {
 public:
  virtual void check(CUresult result, const char* what) = 0;
  // Waits until `done` returns something other than kNotReady, and checks that.
  virtual void waitFor(const std::function<CUresult()>& done, const char* what) = 0;

 protected:
  ~Watch() = default;
};

class Transfers {
 public:
  Transfers(const Driver& driver, Watch& watch) : driver_(driver), watch_(watch) {}
  void open(CUstream stream);
  // Frees the pinned memory; no copy may be in progress.
  void close();

  // `from` may be changed as soon as this returns.
  void write(void* to, const void* from, int64_t bytes);
  void read(const std::vector<HostCopy>& copies);

 private:
  struct Staging {
    char* memory = nullptr;
    CUevent free = nullptr;
    int64_t used = 0;
  };
  static constexpr int kStagings = 3;

  const Driver& driver_;
  Watch& watch_;
  CUstream stream_ = nullptr;
  Staging staging_[kStagings];
  int current_ = 0;
  char* readback_ = nullptr;
};

}  // namespace cuda
}  // namespace brevity
