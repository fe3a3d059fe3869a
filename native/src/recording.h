// A step that ran once and is replayed unchanged: the ops that it launched with their buffers and params, and the
// memory that it allocated. Memory released within the step is reused only within it, so that every replay finds the
// same addresses, in about the memory of one step.
#pragma once
#include <cstdint>
#include <vector>

#include "device.h"

namespace brevity {

// A device's memory. `capacity` is the size that the device allocated, and needs to free it.
struct Block {
  void* data;
  int64_t bytes;
  int64_t capacity;
};

// One allocation of a handle; `serial` distinguishes it from earlier and later ones of the same handle.
struct Allocation {
  Handle handle;
  uint64_t serial;
};

class Recording {
 public:
  struct Step {
    int op;
    int firstBuffer, buffers, firstParam, params;
  };

  void add(int op, const Launch& launch);
  const std::vector<Step>& steps() const { return steps_; }
  const Buffer* buffersOf(const Step& step) const { return buffers_.data() + step.firstBuffer; }
  const double* paramsOf(const Step& step) const { return params_.data() + step.firstParam; }

  // Buffers from before the recording that its ops use, each listed once.
  void needs(const Allocation& allocation);
  const std::vector<Allocation>& needed() const { return needed_; }

  // A block of exactly this size that was released within the step. A larger one would hide reads beyond its end from
  // AddressSanitizer, and sizes repeat from layer to layer anyway.
  bool reuse(int64_t bytes, Block* found);
  void own(const Block& block) { owned_.push_back(block); }
  void released(const Block& block) { free_.push_back(block); }
  // From here on the recording no longer owns the block.
  void disown(const void* data);
  const std::vector<Block>& owned() const { return owned_; }

  // Working memory of ops, in the order of the requests.
  std::vector<Block> scratch;
  // An op failed, so the step cannot be replayed.
  bool failed = false;

 private:
  std::vector<Step> steps_;
  std::vector<Buffer> buffers_;
  std::vector<double> params_;
  std::vector<Allocation> needed_;
  std::vector<Block> owned_, free_;
};

}  // namespace brevity
