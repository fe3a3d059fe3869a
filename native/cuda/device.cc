#include "device.h"

#include <algorithm>

#include "cuda.h"

namespace brevity {
namespace cuda {
namespace {

std::string describe(const std::string& op, const Fault& fault) {
  const std::string value = std::to_string(fault.value), last = std::to_string(fault.limit - 1);
  switch (fault.code) {
    case positionFault:
      return op + " has a position beyond its tables: " + value + ", which hold up to " + last;
    case targetFault:
      return op + " has a target outside of the vocabulary: " + value + ", which ends at " + last;
    case cacheFault:
      return op + " has no room left in its cache: position " + value + " of " + std::to_string(fault.limit);
    case segmentFault:
      return op + " has a segment beyond its rows or before its prefix's end: segment " + value;
    case promptFault:
      return op + " has a row of no prompt, or a prompt beyond its cache: " + value;
    default:
      // In TensorFlow.js's words, which call it so.
      return (op == "Gather" || op == "Gather/bf16" ? "GatherV2" : op) + ": the index value " + value + " is not in [0, " + last + "]";
  }
}

}  // namespace

const char* OpDevice::opName(int op) { return ops()[static_cast<size_t>(op)].name.c_str(); }

void* OpDevice::taken(int64_t bytes) {
  void* const memory = take(bytes);
  used_ += bytes;
  peak_ = std::max(peak_, used_);
  return memory;
}

Handle OpDevice::allocate(int64_t bytes) {
  if (bytes < 0) throw OutOfMemory(bytes);
  const Slot slot{taken(bytes), bytes, true};
  if (free_.empty()) {
    slots_.push_back(slot);
    return static_cast<Handle>(slots_.size() - 1);
  }
  const Handle handle = free_.back();
  free_.pop_back();
  slots_[handle] = slot;
  return handle;
}

void OpDevice::release(Handle handle) {
  Slot& slot = at(handle);
  give(slot.data, slot.bytes);
  used_ -= slot.bytes;
  slot.used = false;
  free_.push_back(handle);
}

void OpDevice::releaseAll() {
  for (const Slot& slot : slots_)
    if (slot.used) give(slot.data, slot.bytes);
  slots_.clear();
  free_.clear();
  if (faults_ != nullptr) give(faults_, static_cast<int64_t>(ops().size() * sizeof(Fault)));
  faults_ = nullptr;
}

OpDevice::Slot& OpDevice::at(Handle handle) {
  if (handle >= slots_.size() || !slots_[handle].used)
    throw std::runtime_error("buffer " + std::to_string(handle) + " does not exist or was released");
  return slots_[handle];
}

char* OpDevice::range(Handle handle, int64_t offset, int64_t bytes) {
  const Slot& slot = at(handle);
  if (offset < 0 || bytes < 0 || offset > slot.bytes - bytes)
    throw std::runtime_error("a copy of " + std::to_string(bytes) + " bytes at " + std::to_string(offset) +
                             " does not fit into a buffer of " + std::to_string(slot.bytes));
  return static_cast<char*>(slot.data) + offset;
}

void OpDevice::copyIn(Handle to, int64_t offset, const void* from, int64_t bytes) {
  char* const target = range(to, offset, bytes);
  if (bytes > 0) write(target, from, bytes);
}

void OpDevice::copyOut(Handle from, int64_t offset, void* to, int64_t bytes) {
  char* const source = range(from, offset, bytes);
  if (bytes > 0) read(to, source, bytes);
  throwFault();
}

void* OpDevice::hostPointer(Handle handle, int64_t* bytes) {
  *bytes = at(handle).bytes;
  return nullptr;
}

void OpDevice::launch(int op, const Handle* handles, int handleCount, const double* params, int paramCount) {
  if (op < 0 || op >= static_cast<int>(ops().size())) throw std::runtime_error("there is no op " + std::to_string(op));
  if (faults_ == nullptr) {
    const std::vector<Fault> none(ops().size(), Fault{});
    const auto bytes = static_cast<int64_t>(none.size() * sizeof(Fault));
    faults_ = take(bytes);
    write(faults_, none.data(), bytes);
  }
  buffers_.clear();
  for (int i = 0; i < handleCount; i++) {
    const Slot& slot = at(handles[i]);
    buffers_.push_back({slot.data, slot.bytes});
  }
  op_ = op;
  const StreamScope scope(*this);
  ops()[static_cast<size_t>(op)].run({opName(op), buffers_.data(), handleCount, params, paramCount});
}

MemoryUse OpDevice::memory() const {
  return {used_, cached(), peak_, static_cast<int64_t>(slots_.size() - free_.size())};
}

void* OpDevice::takeScratch(int64_t bytes) {
  void* const memory = taken(bytes);
  scratch_.emplace_back(memory, bytes);
  return memory;
}

void OpDevice::giveScratch(void* memory) {
  const auto found = std::find_if(scratch_.rbegin(), scratch_.rend(), [&](const auto& s) { return s.first == memory; });
  give(memory, found->second);
  used_ -= found->second;
  scratch_.erase(std::next(found).base());
}

void* OpDevice::fault() { return static_cast<Fault*>(faults_) + op_; }

void OpDevice::throwFault() {
  if (faults_ == nullptr) return;
  std::vector<Fault> faults(ops().size());
  const auto bytes = static_cast<int64_t>(faults.size() * sizeof(Fault));
  read(faults.data(), faults_, bytes);
  for (size_t op = 0; op < faults.size(); op++) {
    if (faults[op].code == noFault) continue;
    const std::vector<Fault> none(faults.size(), Fault{});
    write(faults_, none.data(), bytes);
    throw std::runtime_error(describe(opName(static_cast<int>(op)), faults[op]));
  }
}

OpDevice::Rates OpDevice::measure() {
  const auto opNamed = [](const char* name) {
    const auto found = std::find_if(ops().begin(), ops().end(), [&](const auto& op) { return op.name == name; });
    return static_cast<int>(found - ops().begin());
  };
  constexpr int kTimes = 10;
  const int copy = opNamed("Copy"), product = opNamed("MatMul");
  const int64_t words = int64_t{64} << 20, side = 4096;
  Rates rates{};
  const Handle large[] = {allocate(words * 4), allocate(words * 4)};
  const double copied[] = {4, 0, 0, 1, static_cast<double>(words), 1, 1};
  rates.bytes = 2.0 * 4 * static_cast<double>(words) * kTimes / seconds([&] {
    for (int i = 0; i < kTimes; i++) launch(copy, large, 2, copied, 7);
  });
  for (const Handle handle : large) release(handle);
  const Handle square[] = {allocate(side * side * 4), allocate(side * side * 4), allocate(side * side * 4)};
  // Zeros: what is multiplied changes no rate but the clock's, and NaN would be as good.
  const std::vector<char> zeros(static_cast<size_t>(side * side * 4));
  for (const Handle handle : square) copyIn(handle, 0, zeros.data(), side * side * 4);
  const double multiplied[] = {1, 0, 0, double(side), double(side), double(side), 0, 0, 0, 0, 0};
  rates.operations = 2.0 * std::pow(static_cast<double>(side), 3) * kTimes / seconds([&] {
    for (int i = 0; i < kTimes; i++) launch(product, square, 3, multiplied, 11);
  });
  for (const Handle handle : square) release(handle);
  return rates;
}

Precision precisionFromName(const std::string& name) {
  if (name == "fp32") return Precision::fp32;
  if (name == "tf32") return Precision::tf32;
  if (name == "bf16") return Precision::bf16;
  throw std::runtime_error("precision " + name + " is none of fp32, tf32, bf16");
}

}  // namespace cuda
}  // namespace brevity
