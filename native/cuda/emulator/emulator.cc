#include "emulator.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "copies.h"
#include "fiber.h"

// The language's macros would interfere with this file.
#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim

namespace brevity {
namespace emulator {

Thread* self = nullptr;
dim3 currentBlock, currentBlockDim, currentGridDim;
void* currentShared = nullptr;

namespace {

enum class State { ready, atBarrier, atCollective, done };

struct Lane : Thread {
  State state = State::ready;
  Fiber* fiber = nullptr;
  Site site{};
  unsigned char given[kExchange];
  const unsigned char* gathered = nullptr;
};

// A collective that some lanes of a warp have reached; diverged lanes may wait in several.
struct Gathering {
  Site site;
  unsigned mask, arrived;
};

// The values that a warp's lanes gave to its last collectives. A lane is at most one collective ahead of another that
// has not read yet, because no lane passes a collective that another has not reached.
struct Warp {
  unsigned char gathered[4][kWarp * kExchange];
  int next = 0;
  std::vector<Gathering> open;
};

struct Block {
  std::vector<Lane> lanes;
  std::vector<Warp> warps;
  std::vector<int> order;    // start order of lanes
  std::vector<Lane*> ready;  // a queue from `head` on
  size_t head = 0;
  size_t started = 0, done = 0, atBarrier = 0;
};

std::mutex oneLaunch;
Order order = Order::forward;
std::vector<std::unique_ptr<Fiber>> fibers;
std::vector<Fiber*> idle;
Block block;
void (*kernelInvoke)(void**) = nullptr;
void** kernelArguments = nullptr;

// Runs lanes that have not started, one after the other. If one waits, it keeps the fiber until it ends.
void fiberMain() {
  beginFiber();
  for (;;) {
    Fiber* const me = running;
    while (block.started < block.lanes.size()) {
      Lane& lane = block.lanes[block.order[block.started++]];
      lane.fiber = me;
      self = &lane;
      kernelInvoke(kernelArguments);
      lane.state = State::done;
      block.done++;
    }
    idle.push_back(me);
    switchTo(me, &scheduler);
  }
}

Fiber* freeFiber() {
  if (idle.empty()) {
    fibers.push_back(std::make_unique<Fiber>());
    prepare(fibers.back().get(), fiberMain);
    return fibers.back().get();
  }
  Fiber* fiber = idle.back();
  idle.pop_back();
  return fiber;
}

std::mt19937 shuffler(1);

void arrange(int* first, int* last) {
  if (order == Order::reverse) std::reverse(first, last);
  if (order == Order::shuffled) std::shuffle(first, last, shuffler);
}

// Makes lanes ready in the order in which they continue: in reverse order, the last one in is the first one out.
void release(const int* first, const int* last) {
  const auto add = [](int lane) {
    block.lanes[lane].state = State::ready;
    block.ready.push_back(&block.lanes[lane]);
  };
  if (order == Order::reverse) std::for_each(std::make_reverse_iterator(last), std::make_reverse_iterator(first), add);
  else std::for_each(first, last, add);
}

bool sameSite(const Site& a, const Site& b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

std::string nameOf(const Site& site) { return std::string(site.file) + ":" + std::to_string(site.line); }

Lane& current() { return *static_cast<Lane*>(self); }

// Runs other lanes until this one is ready again.
void wait(Lane& lane) {
  switchTo(lane.fiber, &scheduler);
  self = &lane;
}

// Throws with the reason why no lane can continue.
[[noreturn]] void deadlock(const char* kernel) {
  std::string what = std::string(kernel) + ": block (" + std::to_string(currentBlock.x) + ", " +
                     std::to_string(currentBlock.y) + ", " + std::to_string(currentBlock.z) + ") waits for ever: " +
                     std::to_string(block.done) + " of " + std::to_string(block.lanes.size()) + " threads have ended";
  for (const Lane& lane : block.lanes) {
    if (lane.state == State::done || lane.state == State::ready) continue;
    what += ", thread " + std::to_string(lane.linear) + " waits at " + nameOf(lane.site);
    break;
  }
  // Waiting lanes never end, so their stacks are discarded.
  for (const Lane& lane : block.lanes)
    if (lane.state != State::done && lane.fiber != nullptr) lane.fiber->started = false;
  for (auto& fiber : fibers)
    if (!fiber->started) {
      prepare(fiber.get(), fiberMain);
      idle.push_back(fiber.get());
    }
  throw std::runtime_error(what);
}

// Warps take turns. In reverse order, one warp runs to its next barrier before any other does anything, as far ahead of
// the others as hardware allows.
Lane* nextReady() {
  Lane* lane;
  if (order == Order::reverse) {
    lane = block.ready.back();
    block.ready.pop_back();
  } else {
    lane = block.ready[block.head++];
  }
  if (block.head == block.ready.size()) {
    block.ready.clear();
    block.head = 0;
  }
  return lane;
}

std::string barrierProblem;

void runBlock(const char* kernel) {
  const size_t count = block.lanes.size();
  for (size_t i = 0; i < count; i++) {
    block.order[i] = static_cast<int>(i);
    block.lanes[i].state = State::ready;
  }
  arrange(block.order.data(), block.order.data() + count);
  // Collectives left over from an abandoned block.
  for (Warp& warp : block.warps) warp.open.clear();
  block.ready.clear();
  block.head = block.started = block.done = block.atBarrier = 0;
  barrierProblem.clear();
  while (block.done < count) {
    if (!barrierProblem.empty()) {
      block.ready.clear();
      block.head = 0;
    }
    if (block.started < count) {
      switchTo(&scheduler, freeFiber());
    } else if (block.head < block.ready.size()) {
      switchTo(&scheduler, nextReady()->fiber);
    } else {
      deadlock(barrierProblem.empty() ? kernel : (barrierProblem = kernel + (": " + barrierProblem)).c_str());
    }
  }
  if (leftCopies()) throw std::runtime_error(std::string(kernel) + ": a block ended before its asynchronous copies");
}

void expectGeometry(const char* kernel, dim3 grid, dim3 threads, int64_t sharedBytes) {
  const auto bad = [&](const std::string& what) { throw std::runtime_error(std::string(kernel) + ": " + what); };
  const uint64_t count = uint64_t{threads.x} * threads.y * threads.z;
  if (count < 1 || count > 1024 || threads.z > 64) bad("a block of " + std::to_string(count) + " threads");
  if (grid.x < 1 || grid.y < 1 || grid.z < 1) bad("an empty grid");
  if (grid.x > 2147483647u || grid.y > 65535 || grid.z > 65535) bad("a grid beyond (2^31 - 1, 65535, 65535)");
  // The limit is lowest at compute capabilities 8.6 and 8.9: 99 KiB per block.
  if (sharedBytes < 0 || sharedBytes > 99 * 1024) bad(std::to_string(sharedBytes) + " bytes of shared memory");
}

}  // namespace

void blockBarrier(Site site) {
  Lane& lane = current();
  lane.state = State::atBarrier;
  lane.site = site;
  if (++block.atBarrier == block.lanes.size()) {
    for (const Lane& other : block.lanes)
      if (!sameSite(other.site, site) && barrierProblem.empty())
        barrierProblem = "a barrier reached at " + nameOf(other.site) + " and at " + nameOf(site);
    block.atBarrier = 0;
    if (barrierProblem.empty()) release(block.order.data(), block.order.data() + block.order.size());
  }
  wait(lane);
}

const unsigned char* collective(unsigned mask, const void* give, int bytes, Site site) {
  Lane& lane = current();
  lane.state = State::atCollective;
  lane.site = site;
  std::memset(lane.given, 0xff, kExchange);
  // Fixed sizes for the usual cases.
  if (bytes == 4)
    std::memcpy(lane.given, give, 4);
  else if (bytes == 8)
    std::memcpy(lane.given, give, 8);
  else if (bytes > 0)
    std::memcpy(lane.given, give, static_cast<size_t>(bytes));
  const int first = lane.linear - lane.lane;
  const int lanes = std::min<int>(kWarp, static_cast<int>(block.lanes.size()) - first);
  if ((mask >> lane.lane & 1) == 0 || (lanes < kWarp && mask != 0xffffffffu && mask >> lanes != 0))
    barrierProblem = "a collective at " + nameOf(site) + " whose mask does not fit its lane";
  // The mask of a last, partial warp may name lanes that do not exist.
  const unsigned there = lanes == kWarp ? mask : mask & ((1u << lanes) - 1);
  Warp& warp = block.warps[first / kWarp];
  auto gathering = std::find_if(warp.open.begin(), warp.open.end(),
                                [&](const Gathering& g) { return g.mask == mask && sameSite(g.site, site); });
  if (gathering == warp.open.end()) gathering = warp.open.insert(gathering, {site, mask, 0});
  gathering->arrived |= 1u << lane.lane;
  if (gathering->arrived == there) {
    warp.open.erase(gathering);
    unsigned char* gathered = warp.gathered[warp.next++ % 4];
    int released[kWarp], count = 0;
    for (int i = 0; i < lanes; i++) {
      if ((there >> i & 1) == 0) continue;
      Lane& other = block.lanes[first + i];
      std::memcpy(gathered + i * kExchange, other.given, kExchange);
      other.gathered = gathered;
      released[count++] = first + i;
    }
    arrange(released, released + count);
    if (barrierProblem.empty()) release(released, released + count);
  }
  wait(lane);
  return lane.gathered;
}

void setOrder(Order to) {
  order = to;
  copiesAreEarly = to == Order::reverse;
}

void run(const char* kernel, void (*invoke)(void**), void** arguments, dim3 grid, dim3 threads, int64_t sharedBytes) {
  const std::lock_guard<std::mutex> alone(oneLaunch);
  expectGeometry(kernel, grid, threads, sharedBytes);
  kernelInvoke = invoke;
  kernelArguments = arguments;
  currentGridDim = grid;
  currentBlockDim = threads;
  const size_t count = size_t{threads.x} * threads.y * threads.z;
  block.lanes.resize(count);
  block.order.resize(count);
  block.warps.resize((count + kWarp - 1) / kWarp);
  for (size_t i = 0; i < count; i++) {
    Lane& lane = block.lanes[i];
    lane.linear = static_cast<int>(i);
    lane.lane = static_cast<int>(i % kWarp);
    lane.threadIdx = dim3(static_cast<unsigned>(i % threads.x), static_cast<unsigned>(i / threads.x % threads.y),
                          static_cast<unsigned>(i / threads.x / threads.y));
  }
  const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
  for (uint64_t i = 0; i < blocks; i++) {
    const uint64_t at = order == Order::reverse ? blocks - 1 - i : i;
    currentBlock = dim3(static_cast<unsigned>(at % grid.x), static_cast<unsigned>(at / grid.x % grid.y),
                        static_cast<unsigned>(at / grid.x / grid.y));
    // Its exact size, aligned to 16 bytes as on the device.
    std::unique_ptr<char, void (*)(void*)> shared(nullptr, std::free);
    if (sharedBytes > 0) {
      shared.reset(static_cast<char*>(std::malloc(static_cast<size_t>(sharedBytes))));
      std::memset(shared.get(), 0xff, static_cast<size_t>(sharedBytes));
    }
    currentShared = shared.get();
    runBlock(kernel);
  }
}

}  // namespace emulator
}  // namespace brevity
