// Fibers: places to run on, each with a stack of its own, among which one thread switches by hand.
#pragma once
#include <cstdint>
#include <memory>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace brevity {
namespace emulator {

constexpr int64_t kStack = 256 << 10;

struct Fiber {
  std::unique_ptr<char[]> stack{new char[kStack]};
#if defined(__x86_64__)
  void* sp = nullptr;
#else
  ucontext_t context;
#endif
  bool started = false;
  void* fakeStack = nullptr;  // AddressSanitizer's
};

// What runs before any other, on the thread's own stack.
extern Fiber scheduler;
extern Fiber* running;

// Lets the fiber begin with `main`, which must begin with beginFiber() and never return. One that was given up is as new.
void prepare(Fiber* fiber, void (*main)());
void beginFiber();
// `from` is what runs.
void switchTo(Fiber* from, Fiber* to);

}  // namespace emulator
}  // namespace brevity
