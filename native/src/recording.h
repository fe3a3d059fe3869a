// A step that was run once and is run again as it was: the ops it launched with their buffers and params, and the memory
// that it allocated. What is released within the step is given out again within it only, so that every replay finds its
// addresses as they were, in about the memory of one step.
#pragma once
#include <cstdint>
#include <vector>

#include "device.h"

namespace brevity {

// Memory of a device. `capacity` is what the device gave, and wants back.
struct Block {
  void* data;
  int64_t bytes;
  int64_t capacity;
};

// One allocation of a handle: `serial` tells it from an earlier or later one of the same handle.
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

  // Buffers from before the recording that its ops take, each once.
  void needs(const Allocation& allocation);
  const std::vector<Allocation>& needed() const { return needed_; }

  // A block of exactly this size that was released within the step: a larger one would hide reads beyond its end from
  // AddressSanitizer, and sizes repeat from layer to layer.
  bool reuse(int64_t bytes, Block* found);
  void own(const Block& block) { owned_.push_back(block); }
  void released(const Block& block) { free_.push_back(block); }
  // From here on the block is no longer the recording's.
  void disown(const void* data);
  const std::vector<Block>& owned() const { return owned_; }

  // Intermediate results of ops, in the order in which they were asked for.
  std::vector<Block> scratch;
  // An op failed: what it did and took cannot be done again.
  bool failed = false;

 private:
  std::vector<Step> steps_;
  std::vector<Buffer> buffers_;
  std::vector<double> params_;
  std::vector<Allocation> needed_;
  std::vector<Block> owned_, free_;
};

}  // namespace brevity
