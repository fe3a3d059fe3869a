#include "cpu_device.h"

#include <cstring>

#include "buffer_device.h"
#include "pool.h"
#include "threads.h"

namespace brevity {
namespace {

class CpuDevice : public BufferDevice {
 public:
  CpuDevice(int64_t memoryLimit, bool poison, bool rounded) : ops_(cpuOps(rounded)), pool_(memoryLimit, poison) {}
  ~CpuDevice() override { releaseAll(); }

  void synchronize() override {}

  MemoryUse memory() const override { return {pool_.used(), pool_.cached(), pool_.peak(), handlesInUse()}; }

  void trim() override {
    pool_.trim();
    releaseScratch();
  }

 protected:
  const std::vector<OpEntry>& table() const override { return ops_; }
  Block take(int64_t bytes) override {
    Block block{nullptr, bytes, 0};
    block.data = pool_.allocate(bytes, &block.capacity);
    return block;
  }
  void give(const Block& block) override { pool_.free(block.data, block.capacity); }
  void write(void* to, const void* from, int64_t bytes) override { std::memcpy(to, from, static_cast<size_t>(bytes)); }
  void read(void* to, const void* from, int64_t bytes) override { std::memcpy(to, from, static_cast<size_t>(bytes)); }
  bool hostReaches() const override { return true; }
  void run(int op, const Launch& launch) override { ops_[static_cast<size_t>(op)].run(launch); }

 private:
  const std::vector<OpEntry>& ops_;
  Pool pool_;
};

}  // namespace

std::unique_ptr<Device> makeCpuDevice(int64_t memoryLimit, bool poison, bool rounded) {
  return std::make_unique<CpuDevice>(memoryLimit, poison, rounded);
}

}  // namespace brevity
