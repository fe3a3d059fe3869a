#include "stream.h"

#include <algorithm>

#include "ops.h"

namespace brevity {
namespace cuda {
namespace {

thread_local Stream* current = nullptr;
constexpr int kThreads = 256;

}  // namespace

Stream& stream() {
  if (current == nullptr) throw std::runtime_error("a CUDA op runs outside of a device");
  return *current;
}

StreamScope::StreamScope(Stream& stream) : before_(current) { current = &stream; }
StreamScope::~StreamScope() { current = before_; }

unsigned gridSize(int64_t blocks) {
  if (blocks < 1 || blocks > INT32_MAX) throw std::runtime_error("a grid of " + std::to_string(blocks) + " blocks");
  return static_cast<unsigned>(blocks);
}

Geometry overElements(int64_t n, int64_t each) {
  // Eight blocks of 256 threads fill a multiprocessor.
  const int64_t most = int64_t{stream().multiprocessors()} * 8;
  return Geometry(gridSize(std::max<int64_t>(1, std::min(most, ceilDiv(n, kThreads * each)))), kThreads);
}

const OpTable& ops() {
  static const OpTable table = [] {
    OpTable all;
#define ADD(name) name##Ops(all);
    BREVITY_CUDA_OPS(ADD)
#undef ADD
    return all;
  }();
  return table;
}

}  // namespace cuda
}  // namespace brevity
