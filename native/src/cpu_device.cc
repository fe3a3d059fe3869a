#include "cpu_device.h"

#include <cstring>

#include "pool.h"
#include "threads.h"

namespace brevity {
namespace {

class CpuDevice : public Device {
 public:
  CpuDevice(int64_t memoryLimit, bool poison) : pool_(memoryLimit, poison) {}

  ~CpuDevice() override {
    for (const Slot& slot : slots_)
      if (slot.data != nullptr) pool_.free(slot.data, slot.capacity);
  }

  Handle allocate(int64_t bytes) override {
    Slot slot{nullptr, bytes, 0};
    slot.data = pool_.allocate(bytes, &slot.capacity);
    if (free_.empty()) {
      slots_.push_back(slot);
      return static_cast<Handle>(slots_.size() - 1);
    }
    const Handle handle = free_.back();
    free_.pop_back();
    slots_[handle] = slot;
    return handle;
  }

  void release(Handle handle) override {
    Slot& slot = at(handle);
    pool_.free(slot.data, slot.capacity);
    slot.data = nullptr;
    free_.push_back(handle);
  }

  void copyIn(Handle to, int64_t offset, const void* from, int64_t bytes) override {
    void* const at = range(to, offset, bytes);
    // Nothing may come from nowhere, which memcpy does not allow.
    if (bytes > 0) std::memcpy(at, from, static_cast<size_t>(bytes));
  }

  void copyOut(Handle from, int64_t offset, void* to, int64_t bytes) override {
    const void* const at = range(from, offset, bytes);
    if (bytes > 0) std::memcpy(to, at, static_cast<size_t>(bytes));
  }

  void* hostPointer(Handle handle, int64_t* bytes) override {
    const Slot& slot = at(handle);
    *bytes = slot.bytes;
    return slot.data;
  }

  void launch(int op, const Handle* handles, int handleCount, const double* params, int paramCount) override {
    const auto& ops = cpuOps();
    if (op < 0 || op >= static_cast<int>(ops.size())) throw std::runtime_error("there is no op " + std::to_string(op));
    buffers_.clear();
    for (int i = 0; i < handleCount; i++) {
      const Slot& slot = at(handles[i]);
      buffers_.push_back({slot.data, slot.bytes});
    }
    ops[op].run({ops[op].name.c_str(), buffers_.data(), handleCount, params, paramCount});
  }

  void synchronize() override {}

  MemoryUse memory() const override {
    return {pool_.used(), pool_.cached(), pool_.peak(), static_cast<int64_t>(slots_.size() - free_.size())};
  }

  void trim() override {
    pool_.trim();
    releaseScratch();
  }

 private:
  struct Slot {
    void* data;
    int64_t bytes;
    int64_t capacity;
  };

  Slot& at(Handle handle) {
    if (handle >= slots_.size() || slots_[handle].data == nullptr)
      throw std::runtime_error("buffer " + std::to_string(handle) + " does not exist or was released");
    return slots_[handle];
  }

  char* range(Handle handle, int64_t offset, int64_t bytes) {
    const Slot& slot = at(handle);
    if (offset < 0 || bytes < 0 || offset > slot.bytes - bytes)
      throw std::runtime_error("a copy of " + std::to_string(bytes) + " bytes at " + std::to_string(offset) +
                               " does not fit into a buffer of " + std::to_string(slot.bytes));
    return static_cast<char*>(slot.data) + offset;
  }

  Pool pool_;
  std::vector<Slot> slots_;
  std::vector<Handle> free_;
  std::vector<Buffer> buffers_;
};

}  // namespace

std::unique_ptr<Device> makeCpuDevice(int64_t memoryLimit, bool poison) {
  return std::make_unique<CpuDevice>(memoryLimit, poison);
}

}  // namespace brevity
