// Fibers: execution contexts with their own stacks, among which one thread switches explicitly.
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

// The context that runs before any other, on the thread's own stack.
extern Fiber scheduler;
extern Fiber* running;

// Makes the fiber start with `main`, which must call beginFiber() first and never return. An abandoned fiber may be
// prepared again.
void prepare(Fiber* fiber, void (*main)());
void beginFiber();
// `from` is the running fiber.
void switchTo(Fiber* from, Fiber* to);

}  // namespace emulator
}  // namespace brevity
