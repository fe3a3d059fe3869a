#include "fiber.h"

#include <algorithm>

// Kernels may be compiled with AddressSanitizer while this file is not, which is faster; fibers must be announced to it
// either way.
#if defined(__SANITIZE_ADDRESS__) && !defined(BREVITY_ADDRESS_SANITIZER)
#define BREVITY_ADDRESS_SANITIZER
#endif
#if defined(BREVITY_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__x86_64__)
extern "C" void brevityFiberSwitch(void** saveSp, void* sp);
asm(R"(
.text
.globl brevityFiberSwitch
.type brevityFiberSwitch, @function
brevityFiberSwitch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size brevityFiberSwitch, . - brevityFiberSwitch
)");
#endif

namespace brevity {
namespace emulator {

Fiber scheduler;
Fiber* running = nullptr;

#if defined(BREVITY_ADDRESS_SANITIZER)
namespace {
const void* schedulerBottom = nullptr;
size_t schedulerSize = 0;
}  // namespace
#endif

void prepare(Fiber* fiber, void (*main)()) {
  fiber->started = true;
#if defined(BREVITY_ADDRESS_SANITIZER)
  // Poison of frames that were abandoned on this stack.
  __asan_unpoison_memory_region(fiber->stack.get(), kStack);
#endif
#if defined(__x86_64__)
  // Six registers, the return address, and one word that keeps the stack aligned as after a call.
  auto top = reinterpret_cast<uintptr_t>(fiber->stack.get() + kStack) & ~uintptr_t{15};
  auto* sp = reinterpret_cast<void**>(top) - 8;
  std::fill(sp, sp + 8, nullptr);
  sp[6] = reinterpret_cast<void*>(main);
  fiber->sp = sp;
#else
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack.get();
  fiber->context.uc_stack.ss_size = kStack;
  fiber->context.uc_link = nullptr;
  makecontext(&fiber->context, main, 0);
#endif
}

void beginFiber() {
#if defined(BREVITY_ADDRESS_SANITIZER)
  __sanitizer_finish_switch_fiber(nullptr, &schedulerBottom, &schedulerSize);
#endif
}

void switchTo(Fiber* from, Fiber* to) {
#if defined(BREVITY_ADDRESS_SANITIZER)
  const bool back = to == &scheduler;
  __sanitizer_start_switch_fiber(&from->fakeStack, back ? schedulerBottom : to->stack.get(),
                                 back ? schedulerSize : static_cast<size_t>(kStack));
#endif
  running = to;
#if defined(__x86_64__)
  brevityFiberSwitch(&from->sp, to->sp);
#else
  swapcontext(&from->context, &to->context);
#endif
#if defined(BREVITY_ADDRESS_SANITIZER)
  // `from` continues here.
  if (from == &scheduler)
    __sanitizer_finish_switch_fiber(from->fakeStack, nullptr, nullptr);
  else
    __sanitizer_finish_switch_fiber(from->fakeStack, &schedulerBottom, &schedulerSize);
#endif
}

}  // namespace emulator
}  // namespace brevity
