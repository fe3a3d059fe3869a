// The part that all devices share: buffers by handle, and recorded steps (recording.h). Subclasses provide memory,
// copies and the running of an op.
#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "profile.h"
#include "recording.h"

namespace brevity {

class BufferDevice : public Device {
 public:
  Handle allocate(int64_t bytes) override;
  void release(Handle handle) override;
  void copyIn(Handle to, int64_t offset, const void* from, int64_t bytes) override;
  void copyOut(Handle from, int64_t offset, void* to, int64_t bytes) override;
  void* hostPointer(Handle handle, int64_t* bytes) override;
  void launch(int op, const Handle* handles, int handleCount, const double* params, int paramCount) override;

  void beginRecording() override;
  int endRecording() override;
  void abandonRecording() override;
  void replay(int id) override;
  void disposeRecording(int id) override;

  void startProfile() override;
  Profile endProfile() override;

 protected:
  virtual const std::vector<OpEntry>& table() const = 0;
  // Uninitialised memory; throws OutOfMemory.
  virtual Block take(int64_t bytes) = 0;
  virtual void give(const Block& block) = 0;
  virtual void write(void* to, const void* from, int64_t bytes) = 0;
  virtual void read(void* to, const void* from, int64_t bytes) = 0;
  // Whether the host may write buffers in place.
  virtual bool hostReaches() const = 0;
  virtual void run(int op, const Launch& launch) = 0;
  // A point in the device's work, as a number that is valid until forgetMarks(); once all work is done, `between` gives
  // the seconds from one to another. This implementation is for devices whose ops are done when they return.
  virtual int mark();
  virtual double between(int from, int to);
  virtual void forgetMarks() { marks_.clear(); }
  bool isProfiled() const { return profiler_ != nullptr; }
  // Runs all ops of a recording. `id` is unique for the life of the device.
  virtual void play(int id, const Recording& recording);
  // A recording was discarded: frees the device's own data for it.
  virtual void forget(int) {}

  // Working memory for the running op. In a recorded step it belongs to the recording, and a replay gets it again at
  // the same address.
  Block takeWorking(int64_t bytes);
  void giveWorking(const Block& block);

  // Frees all memory. Subclasses call it in their destructor, while they can still free.
  void releaseAll();
  int64_t handlesInUse() const { return static_cast<int64_t>(slots_.size() - free_.size()); }

 private:
  // `serial` is 0 if the handle is free.
  struct Slot {
    Block block;
    uint64_t serial;
    Recording* owner;
  };
  void runTimed(int op, const Launch& launch);
  Slot& at(Handle handle);
  char* range(Handle handle, int64_t offset, int64_t bytes);
  void expectNoRecording(const char* what) const;
  Block takeRecorded(int64_t bytes);
  void giveBack(Recording& recording);

  std::vector<Slot> slots_;
  std::vector<Handle> free_;
  std::vector<Buffer> buffers_;
  uint64_t serials_ = 0, serialsBefore_ = 0;
  std::map<int, std::unique_ptr<Recording>> recordings_;
  int recordingsMade_ = 0;
  std::unique_ptr<Recording> current_;  // the one being made
  const Recording* playing_ = nullptr;
  size_t scratchPlayed_ = 0;
  std::unique_ptr<Profiler> profiler_;
  std::vector<std::chrono::steady_clock::time_point> marks_;
};

}  // namespace brevity
