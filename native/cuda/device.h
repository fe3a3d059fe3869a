// The part that the device on a GPU (driver_device.cc) and the emulated one (emulated_device.cc) share: running ops,
// their working memory, and the faults that kernels report. Subclasses provide memory, copies and kernel launches.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../src/buffer_device.h"
#include "stream.h"

struct Fault;  // cuda.h

namespace brevity {
namespace cuda {

// A copy from the device's memory to the host's.
struct HostCopy {
  void* to;
  const void* from;
  int64_t bytes;
};

class OpDevice : public BufferDevice, protected Stream {
 public:
  ~OpDevice() override;
  using BufferDevice::launch;
  void copyOut(Handle from, int64_t offset, void* to, int64_t bytes) override;
  MemoryUse memory() const override;

  // Card, compute capability, memory, driver, and the origin of kernels and products; for people.
  virtual std::string description() = 0;
  // Seconds that `work` takes on the device; it runs once before it is timed.
  virtual double seconds(const std::function<void()>& work) = 0;
  // Bytes per second that a large copy on the device reads and writes, and floating-point operations per second of a
  // large matrix product in the device's precision.
  struct Rates {
    double bytes, operations;
  };
  Rates measure();

 protected:
  OpDevice();
  // Frees all memory. Subclasses call it in their destructor, while they can still free.
  void releaseAll();

  // Memory of the device, uninitialised; throws OutOfMemory.
  virtual void* takeMemory(int64_t bytes) = 0;
  virtual void giveMemory(void* memory, int64_t bytes) = 0;
  // Copies to the host after everything launched before is done. Several small copies in one call cost one wait.
  virtual void readMemory(const std::vector<HostCopy>& copies) = 0;
  virtual int64_t cached() const = 0;

  const std::vector<OpEntry>& table() const override;
  Block take(int64_t bytes) override;
  void give(const Block& block) override;
  void read(void* to, const void* from, int64_t bytes) override;
  bool hostReaches() const override { return false; }
  void run(int op, const Launch& launch) override;

  void* takeScratch(int64_t bytes) override;
  void giveScratch(void* memory) override;
  void* fault() override;

  // Throws if a kernel has reported a fault since the last call.
  void throwFault();
  // The op that was run last.
  void setCurrentOp(int op) { op_ = op; }
  const char* currentOp() const { return op_ < 0 ? "" : opName(op_); }
  static const char* opName(int op);

 private:
  HostCopy faultsToHost();
  void throwSeenFault();

  std::vector<Block> scratch_;
  // One Fault per op, allocated at the first launch, and their values when last read.
  void* faults_ = nullptr;
  std::vector<Fault> seen_;
  int op_ = -1;
  int64_t used_ = 0, peak_ = 0;
};

// A device that runs the kernels in the emulator, for tests; throws in builds without it. `library`: products take the
// path for cuBLASLt.
std::unique_ptr<OpDevice> makeEmulatedDevice(int64_t memoryLimit, Precision precision, bool library = false);

// A GPU through its driver. `ordinal` counts the GPUs that CUDA_VISIBLE_DEVICES leaves visible. Throws with what is
// missing and how to fix it.
std::unique_ptr<OpDevice> makeDriverDevice(int ordinal, int64_t memoryLimit, bool poison, Precision precision);

// fp32, tf32 or bf16; throws for any other name.
Precision precisionFromName(const std::string& name);

}  // namespace cuda
}  // namespace brevity
