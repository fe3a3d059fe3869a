// The instruction sets that the kernels are compiled for, and the one in use.
//
// Every file of kernels/ is compiled once per set, in its own namespace; dispatch.cc points the public names at one of
// them. The choice is made when the library is loaded: the best set that this processor (and its operating system) can
// run, or the one named by the environment variable BREVITY_ISA (plain, avx2, avx512, neon).
#pragma once

// BREVITY_ONE_SET leaves out all but the plain kernels, for a short build of tests that need no others.
#if defined(BREVITY_ONE_SET)
#elif defined(__x86_64__) || defined(_M_X64)
#define BREVITY_X86 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#define BREVITY_ARM 1
#endif

namespace brevity {

enum class Isa { plain, neon, avx2, avx512 };

// Whether the set is compiled in and can run here.
bool isaRuns(Isa isa);

// The best set that can run here.
Isa bestIsa();

// The set that the kernels use now.
Isa currentIsa();

// Whether this processor has AVX512-BF16, whichever set is in use.
bool hasBf16();

// The instructions by which the set in use multiplies bfloat16 on this processor; null without any.
const char* bf16Instructions();

// Switches all kernels. Returns false and changes nothing if `isa` cannot run here. Must not be called while a kernel
// runs.
bool setIsa(Isa isa);

const char* isaName(Isa isa);

// Returns false if `name` is not one of the names above.
bool isaFromName(const char* name, Isa* isa);

// A sentence that says why BREVITY_ISA could not be applied, else null. The kernels then use the best set that can run,
// and the caller reports it: nothing falls back in silence.
const char* isaProblem();

}  // namespace brevity
