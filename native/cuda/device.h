// What the device on a GPU (driver_device.cc) and the emulated one (emulated_device.cc) share: the running of an op, its
// intermediate results, and the faults that kernels report. Below it lie memory, copies and launches of kernels.
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

// Of the device's memory to the host's.
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

  // Card, compute capability, memory, driver, where kernels and products come from; for people.
  virtual std::string description() = 0;
  // Seconds that the device takes for `work`, which is done once before it is timed.
  virtual double seconds(const std::function<void()>& work) = 0;
  // Bytes a second that a large copy on the device reads and writes, and floating-point operations a second of a large
  // matrix product in the device's precision.
  struct Rates {
    double bytes, operations;
  };
  Rates measure();

 protected:
  OpDevice();
  // Gives all memory back. For the destructor of a class that still has it.
  void releaseAll();

  // Memory of the device, uninitialised; throws OutOfMemory.
  virtual void* takeMemory(int64_t bytes) = 0;
  virtual void giveMemory(void* memory, int64_t bytes) = 0;
  // To the host, once all that was launched before is done. Small copies together cost one wait.
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

  // Throws what a kernel reported since the last call, if any did.
  void throwFault();
  // The op that was run last.
  void setCurrentOp(int op) { op_ = op; }
  const char* currentOp() const { return op_ < 0 ? "" : opName(op_); }
  static const char* opName(int op);

 private:
  HostCopy faultsToHost();
  void throwSeenFault();

  std::vector<Block> scratch_;
  // A Fault for each op, made at the first launch; and what they were when they were last read.
  void* faults_ = nullptr;
  std::vector<Fault> seen_;
  int op_ = -1;
  int64_t used_ = 0, peak_ = 0;
};

// A device that runs the kernels in the emulator, for tests; throws where this build has none. `library`: products go the
// way that they go with cuBLASLt.
std::unique_ptr<OpDevice> makeEmulatedDevice(int64_t memoryLimit, Precision precision, bool library = false);

// A GPU through its driver. `ordinal` among those that CUDA_VISIBLE_DEVICES leaves. Throws with what is missing and what
// would mend it.
std::unique_ptr<OpDevice> makeDriverDevice(int ordinal, int64_t memoryLimit, bool poison, Precision precision);

// fp32, tf32 or bf16; throws where it is none of them.
Precision precisionFromName(const std::string& name);

}  // namespace cuda
}  // namespace brevity
