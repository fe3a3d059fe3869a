#include "buffer_device.h"

#include <string>
#include <utility>

namespace brevity {
namespace {

// Restores a value at the end of a scope, however it ends.
template <typename T>
struct During {
  T& place;
  During(T& place, T value) : place(place) { place = value; }
  ~During() { place = T{}; }
};

}  // namespace

Handle BufferDevice::allocate(int64_t bytes) {
  if (bytes < 0) throw OutOfMemory(bytes);
  const Block block = current_ != nullptr ? takeRecorded(bytes) : take(bytes);
  const Slot slot{block, ++serials_, current_.get()};
  if (free_.empty()) {
    slots_.push_back(slot);
    return static_cast<Handle>(slots_.size() - 1);
  }
  const Handle handle = free_.back();
  free_.pop_back();
  slots_[handle] = slot;
  return handle;
}

void BufferDevice::release(Handle handle) {
  const Slot slot = at(handle);
  slots_[handle].serial = 0;
  free_.push_back(handle);
  // Memory that a finished recording owns stays in it for its replays.
  if (slot.owner == nullptr)
    give(slot.block);
  else if (slot.owner == current_.get())
    current_->released(slot.block);
}

void BufferDevice::releaseAll() {
  current_.reset();
  for (const Slot& slot : slots_)
    if (slot.serial != 0 && slot.owner == nullptr) give(slot.block);
  for (const auto& [id, recording] : recordings_) {
    forget(id);
    for (const Block& block : recording->owned()) give(block);
  }
  recordings_.clear();
  slots_.clear();
  free_.clear();
}

BufferDevice::Slot& BufferDevice::at(Handle handle) {
  if (handle >= slots_.size() || slots_[handle].serial == 0)
    throw std::runtime_error("buffer " + std::to_string(handle) + " does not exist or was released");
  return slots_[handle];
}

char* BufferDevice::range(Handle handle, int64_t offset, int64_t bytes) {
  const Block& block = at(handle).block;
  if (offset < 0 || bytes < 0 || offset > block.bytes - bytes)
    throw std::runtime_error("a copy of " + std::to_string(bytes) + " bytes at " + std::to_string(offset) +
                             " does not fit into a buffer of " + std::to_string(block.bytes));
  return static_cast<char*>(block.data) + offset;
}

void BufferDevice::copyIn(Handle to, int64_t offset, const void* from, int64_t bytes) {
  char* const target = range(to, offset, bytes);
  expectNoRecording("is written from the host");
  if (bytes > 0) write(target, from, bytes);
}

void BufferDevice::copyOut(Handle from, int64_t offset, void* to, int64_t bytes) {
  const char* const source = range(from, offset, bytes);
  expectNoRecording("is read by the host");
  if (bytes > 0) read(to, source, bytes);
}

void* BufferDevice::hostPointer(Handle handle, int64_t* bytes) {
  const Block& block = at(handle).block;
  expectNoRecording("is written from the host");
  *bytes = block.bytes;
  return hostReaches() ? block.data : nullptr;
}

void BufferDevice::launch(int op, const Handle* handles, int handleCount, const double* params, int paramCount) {
  const auto& ops = table();
  if (op < 0 || op >= static_cast<int>(ops.size())) throw std::runtime_error("there is no op " + std::to_string(op));
  buffers_.clear();
  for (int i = 0; i < handleCount; i++) {
    const Slot& slot = at(handles[i]);
    buffers_.push_back({slot.block.data, slot.block.bytes});
    if (current_ != nullptr && slot.serial <= serialsBefore_) current_->needs({handles[i], slot.serial});
  }
  const Launch launch{ops[static_cast<size_t>(op)].name.c_str(), buffers_.data(), handleCount, params, paramCount};
  if (current_ == nullptr) return runTimed(op, launch);
  const bool failedBefore = std::exchange(current_->failed, true);
  runTimed(op, launch);
  current_->failed = failedBefore;
  current_->add(op, launch);
}

void BufferDevice::runTimed(int op, const Launch& launch) {
  if (profiler_ == nullptr) return run(op, launch);
  const int from = mark();
  run(op, launch);
  profiler_->add(launch, from, mark());
}

void BufferDevice::startProfile() {
  forgetMarks();
  profiler_ = std::make_unique<Profiler>();
}

Profile BufferDevice::endProfile() {
  if (profiler_ == nullptr) throw std::runtime_error("no profile was started");
  const std::unique_ptr<Profiler> profiler = std::move(profiler_);
  synchronize();
  const Profile profile = profiler->result([&](int from, int to) { return between(from, to); });
  forgetMarks();
  return profile;
}

int BufferDevice::mark() {
  marks_.push_back(std::chrono::steady_clock::now());
  return static_cast<int>(marks_.size()) - 1;
}

double BufferDevice::between(int from, int to) {
  return std::chrono::duration<double>(marks_[static_cast<size_t>(to)] - marks_[static_cast<size_t>(from)]).count();
}

void BufferDevice::beginRecording() {
  if (current_ != nullptr) throw std::runtime_error("a step is being recorded already");
  current_ = std::make_unique<Recording>();
  serialsBefore_ = serials_;
}

int BufferDevice::endRecording() {
  if (current_ == nullptr) throw std::runtime_error("no step is being recorded");
  if (current_->failed) throw std::runtime_error("an op of the step that is being recorded failed; it can only be abandoned");
  recordings_[recordingsMade_] = std::move(current_);
  return recordingsMade_++;
}

void BufferDevice::abandonRecording() {
  if (current_ == nullptr) throw std::runtime_error("no step is being recorded");
  const std::unique_ptr<Recording> abandoned = std::move(current_);
  giveBack(*abandoned);
}

void BufferDevice::replay(int id) {
  if (current_ != nullptr) throw std::runtime_error("a step that is being recorded cannot replay another");
  const auto found = recordings_.find(id);
  if (found == recordings_.end()) throw std::runtime_error("there is no recorded step " + std::to_string(id));
  for (const auto& [handle, serial] : found->second->needed())
    if (handle >= slots_.size() || slots_[handle].serial != serial)
      throw std::runtime_error("buffer " + std::to_string(handle) +
                               " of a recorded step was released since; the step must be recorded anew");
  play(id, *found->second);
}

void BufferDevice::play(int, const Recording& recording) {
  const During<const Recording*> playing(playing_, &recording);
  scratchPlayed_ = 0;
  for (const Recording::Step& step : recording.steps())
    runTimed(step.op, {table()[static_cast<size_t>(step.op)].name.c_str(), recording.buffersOf(step), step.buffers,
                       recording.paramsOf(step), step.params});
}

void BufferDevice::disposeRecording(int id) {
  const auto found = recordings_.find(id);
  if (found == recordings_.end()) throw std::runtime_error("there is no recorded step " + std::to_string(id));
  const std::unique_ptr<Recording> disposed = std::move(found->second);
  recordings_.erase(found);
  forget(id);
  giveBack(*disposed);
}

// Buffers that are still in use become ordinary ones.
void BufferDevice::giveBack(Recording& recording) {
  for (Slot& slot : slots_) {
    if (slot.serial == 0 || slot.owner != &recording) continue;
    slot.owner = nullptr;
    recording.disown(slot.block.data);
  }
  for (const Block& block : recording.owned()) give(block);
}

void BufferDevice::expectNoRecording(const char* what) const {
  if (current_ != nullptr)
    throw std::runtime_error(std::string("a buffer ") + what +
                             " while a step is recorded, which a replay would not do again; do it before or after the step");
}

Block BufferDevice::takeRecorded(int64_t bytes) {
  Block block;
  if (current_->reuse(bytes, &block)) return block;
  block = take(bytes);
  current_->own(block);
  return block;
}

Block BufferDevice::takeWorking(int64_t bytes) {
  if (playing_ != nullptr) {
    const auto& scratch = playing_->scratch;
    if (scratchPlayed_ == scratch.size() || scratch[scratchPlayed_].bytes != bytes)
      throw std::runtime_error("an op of a recorded step needs other memory than when it was recorded");
    return scratch[scratchPlayed_++];
  }
  if (current_ == nullptr) return take(bytes);
  const Block block = takeRecorded(bytes);
  current_->scratch.push_back(block);
  return block;
}

void BufferDevice::giveWorking(const Block& block) {
  if (playing_ != nullptr) return;
  if (current_ != nullptr)
    current_->released(block);
  else
    give(block);
}

}  // namespace brevity
