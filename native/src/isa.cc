#include "isa.h"

#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "kernels/all.h"

#if defined(BREVITY_X86)
#include <cpuid.h>
#endif

namespace brevity {

// The public names. Initialised statically, so that they can be called at any time.
#define DEFINE(name) decltype(plain::name)* name = plain::name;
BREVITY_ALL_KERNELS(DEFINE)
#undef DEFINE

namespace {

#define USE_PLAIN(name) name = plain::name;
#define USE_NEON(name) name = neon::name;
#define USE_AVX2(name) name = avx2::name;
#define USE_AVX512(name) name = avx512::name;

#if defined(BREVITY_X86)
struct Processor {
  bool avx2 = false;
  bool avx512 = false;
};

// Intel's manual, volume 2, CPUID. Not __builtin_cpu_supports: its table comes with the compiler, and Zig's has none.
Processor readProcessor() {
  Processor found;
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return found;
  const bool fma = c & bit_FMA;
  // The operating system must save the registers: XCR0 has a bit for each part of them.
  if (!(c & bit_OSXSAVE)) return found;
  unsigned saved, high;
  asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  const bool ymm = (saved & 0x06) == 0x06, zmm = (saved & 0xe6) == 0xe6;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
  const unsigned all512 = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
  found.avx2 = ymm && fma && (b & bit_AVX2);
  found.avx512 = found.avx2 && zmm && (b & all512) == all512;
  return found;
}

const Processor& processor() {
  static const Processor read = readProcessor();
  return read;
}
#endif

Isa current = Isa::plain;
const char* problem = nullptr;

// Runs when the library is loaded.
[[maybe_unused]] const bool chosen = [] {
  setIsa(bestIsa());
  const char* asked = std::getenv("BREVITY_ISA");
  if (asked == nullptr || *asked == '\0') return true;
  Isa isa;
  if (!isaFromName(asked, &isa)) {
    problem = "BREVITY_ISA is not one of plain, neon, avx2, avx512: the best instruction set is used.";
  } else if (!setIsa(isa)) {
    problem = "BREVITY_ISA names an instruction set that this processor does not run: the best one that it does is used.";
  }
  return true;
}();

}  // namespace

bool isaRuns(Isa isa) {
  switch (isa) {
    case Isa::plain:
      return true;
#if defined(BREVITY_X86)
    case Isa::avx2:
      return processor().avx2;
    case Isa::avx512:
      return processor().avx512;
#elif defined(BREVITY_ARM)
    case Isa::neon:
      return true;
#endif
    default:
      return false;
  }
}

Isa bestIsa() {
  for (Isa isa : {Isa::avx512, Isa::avx2, Isa::neon})
    if (isaRuns(isa)) return isa;
  return Isa::plain;
}

Isa currentIsa() { return current; }

bool setIsa(Isa isa) {
  if (!isaRuns(isa)) return false;
  switch (isa) {
#if defined(BREVITY_X86)
    case Isa::avx2:
      BREVITY_ALL_KERNELS(USE_AVX2)
      break;
    case Isa::avx512:
      BREVITY_ALL_KERNELS(USE_AVX512)
      break;
#elif defined(BREVITY_ARM)
    case Isa::neon:
      BREVITY_ALL_KERNELS(USE_NEON)
      break;
#endif
    default:
      BREVITY_ALL_KERNELS(USE_PLAIN)
  }
  current = isa;
  return true;
}

const char* isaName(Isa isa) {
  switch (isa) {
    case Isa::neon:
      return "neon";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    default:
      return "plain";
  }
}

bool isaFromName(const char* name, Isa* isa) {
  for (Isa candidate : {Isa::plain, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (std::strcmp(name, isaName(candidate)) != 0) continue;
    *isa = candidate;
    return true;
  }
  return false;
}

const char* isaProblem() { return problem; }

}  // namespace brevity
