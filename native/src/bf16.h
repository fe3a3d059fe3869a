// The instructions that multiply operands rounded to bfloat16, and those in use.
#pragma once
#include "isa.h"

// Which of them this compiler can produce; a build without them has all the rest.
#if defined(BREVITY_X86) && (defined(__clang__) ? __clang_major__ >= 9 : defined(__GNUC__) && __GNUC__ >= 10)
#define BREVITY_BUILDS_AVX512_BF16 1
#endif
#if defined(BREVITY_X86) && defined(__linux__) && \
    (defined(__clang__) ? __clang_major__ >= 12 : defined(__GNUC__) && __GNUC__ >= 11)
#define BREVITY_BUILDS_AMX 1
#endif
#if defined(BREVITY_ARM) && (defined(__clang__) ? __clang_major__ >= 16 : defined(__GNUC__) && __GNUC__ >= 10)
#define BREVITY_BUILDS_BFMMLA 1
#endif

namespace brevity {

// `none` is a loop with the bits of `avx512`, for tests: a device offers no bfloat16 products with it.
enum class Bf16 { none, avx512, amx, bfmmla };

// Whether the instructions are compiled in, belong to the instruction set in use, and can run here. The first question
// about AMX requests its registers of Linux, once for the whole process. Hazard: from then on Linux refuses signal stacks
// (sigaltstack) that could not hold them, so only what multiplies bfloat16 asks.
bool bf16Runs(Bf16 instructions);

// Those that products use: the ones that setBf16 or the environment variable BREVITY_BF16 (avx512, amx, bfmmla) names,
// else the best that run. They differ in the order of their sums, so changing them changes the last bits of results.
Bf16 currentBf16();

// Returns false and changes nothing if they cannot run here. Must not be called while a kernel runs.
bool setBf16(Bf16 instructions);

// AVX512-BF16, AMX, BFMMLA
const char* bf16Name(Bf16 instructions);

// Why currentBf16() is none, in a clause.
const char* bf16Problem();

}  // namespace brevity
