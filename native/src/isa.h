// The instruction sets that the kernels are compiled for, and the one in use.
//
// Every file of kernels/ is compiled once for each set, in a namespace of its own; dispatch.cc points the public names
// at one of them. The choice is made when the library is loaded: the best that this processor (and its operating
// system) can run, or the one named by the environment variable BREVITY_ISA (plain, avx2, avx512, neon).
#pragma once

// BREVITY_ONE_SET leaves all but the plain kernels out: for tests that need no others, and a short build.
#if defined(BREVITY_ONE_SET)
#elif defined(__x86_64__) || defined(_M_X64)
#define BREVITY_X86 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#define BREVITY_ARM 1
#endif

namespace brevity {

enum class Isa { plain, neon, avx2, avx512 };

// Compiled in and runnable here.
bool isaRuns(Isa isa);

// The best that runs.
Isa bestIsa();

// What the kernels use now.
Isa currentIsa();

// Switches all kernels; false, and nothing changes, where `isa` does not run here. Not while a kernel computes.
bool setIsa(Isa isa);

const char* isaName(Isa isa);

// False where `name` is none of the names above.
bool isaFromName(const char* name, Isa* isa);

// A sentence where BREVITY_ISA could not be obeyed, else null. The kernels then use the best that runs; the caller
// reports it: nothing falls back in silence.
const char* isaProblem();

}  // namespace brevity
