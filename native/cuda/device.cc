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
      // TensorFlow.js's name for it.
      return (op == "Gather" || op == "Gather/bf16" ? "GatherV2" : op) + ": the index value " + value + " is not in [0, " + last + "]";
  }
}

}  // namespace

OpDevice::OpDevice() = default;
OpDevice::~OpDevice() = default;

const char* OpDevice::opName(int op) { return ops()[static_cast<size_t>(op)].name.c_str(); }

const std::vector<OpEntry>& OpDevice::table() const { return ops(); }

Block OpDevice::take(int64_t bytes) {
  const Block block{takeMemory(bytes), bytes, bytes};
  used_ += bytes;
  peak_ = std::max(peak_, used_);
  return block;
}

void OpDevice::give(const Block& block) {
  giveMemory(block.data, block.bytes);
  used_ -= block.bytes;
}

void OpDevice::releaseAll() {
  BufferDevice::releaseAll();
  if (faults_ != nullptr) giveMemory(faults_, static_cast<int64_t>(ops().size() * sizeof(Fault)));
  faults_ = nullptr;
}

void OpDevice::copyOut(Handle from, int64_t offset, void* to, int64_t bytes) {
  BufferDevice::copyOut(from, offset, to, bytes);
  throwSeenFault();
}

void OpDevice::read(void* to, const void* from, int64_t bytes) {
  if (faults_ == nullptr) return readMemory({{to, from, bytes}});
  readMemory({{to, from, bytes}, faultsToHost()});
}

void OpDevice::run(int op, const Launch& launch) {
  if (faults_ == nullptr) {
    seen_.assign(ops().size(), Fault{});
    faults_ = takeMemory(faultsToHost().bytes);
    write(faults_, seen_.data(), faultsToHost().bytes);
  }
  op_ = op;
  const StreamScope scope(*this);
  ops()[static_cast<size_t>(op)].run(launch);
}

MemoryUse OpDevice::memory() const { return {used_, cached(), peak_, handlesInUse()}; }

void* OpDevice::takeScratch(int64_t bytes) {
  scratch_.push_back(takeWorking(bytes));
  return scratch_.back().data;
}

void OpDevice::giveScratch(void* memory) {
  const auto found = std::find_if(scratch_.rbegin(), scratch_.rend(), [&](const auto& s) { return s.data == memory; });
  const Block block = *found;
  scratch_.erase(std::next(found).base());
  giveWorking(block);
}

void* OpDevice::fault() { return static_cast<Fault*>(faults_) + op_; }

HostCopy OpDevice::faultsToHost() {
  return {seen_.data(), faults_, static_cast<int64_t>(seen_.size() * sizeof(Fault))};
}

void OpDevice::throwFault() {
  if (faults_ == nullptr) return;
  readMemory({faultsToHost()});
  throwSeenFault();
}

void OpDevice::throwSeenFault() {
  const auto found = std::find_if(seen_.begin(), seen_.end(), [](const Fault& fault) { return fault.code != noFault; });
  if (found == seen_.end()) return;
  const Fault fault = *found;
  const auto op = static_cast<int>(found - seen_.begin());
  seen_.assign(seen_.size(), Fault{});
  write(faults_, seen_.data(), faultsToHost().bytes);
  throw std::runtime_error(describe(opName(op), fault));
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
  // Zeros: the values affect only the clock rate, and NaN would serve as well.
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
