// Memory that is kept for reuse. A block is aligned to 64 bytes and is not zeroed. Freed blocks are kept, so that a
// training step, which requests the same sizes over and over, pays neither for page faults nor for zeroed pages.
#pragma once
#include <cstdint>
#include <list>
#include <map>

namespace brevity {

class Pool {
 public:
  // `limit`: most bytes used and kept together. `poison`: fill new blocks with NaN, so that tests notice elements that
  // a kernel does not write.
  Pool(int64_t limit, bool poison) : limit_(limit), poison_(poison) {}
  ~Pool() { giveBack(0); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // At least `bytes` bytes; `capacity` receives the block's size, which free() needs. Throws OutOfMemory.
  void* allocate(int64_t bytes, int64_t* capacity);
  void free(void* block, int64_t capacity);
  // Returns kept memory to the system, and forgets how much was needed.
  void trim();

  int64_t used() const { return used_; }
  int64_t cached() const { return cached_; }
  int64_t peak() const { return peak_; }

 private:
  struct Kept {
    void* block;
    int64_t capacity;
  };
  using Age = std::list<Kept>;

  void* reuse(int64_t bytes, int64_t* capacity);
  void* fresh(int64_t capacity);
  // Frees kept blocks, those freed longest ago first, until at most `keep` bytes are kept.
  void giveBack(int64_t keep);

  const int64_t limit_;
  const bool poison_;
  int64_t used_ = 0, cached_ = 0, peak_ = 0;
  int64_t needed_ = 0;  // the most in use at once since trim()
  Age age_;  // freed longest ago first
  std::multimap<int64_t, Age::iterator> bySize_;
};

}  // namespace brevity
