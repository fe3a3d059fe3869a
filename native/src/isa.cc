#include "isa.h"

#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "kernels/all.h"

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

Isa current = Isa::plain;
const char* problem = nullptr;

// Runs when the library is loaded.
[[maybe_unused]] const bool chosen = [] {
#if defined(BREVITY_X86)
  __builtin_cpu_init();
#endif
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
    // __builtin_cpu_supports also checks that the operating system saves the registers.
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && isaRuns(Isa::avx2);
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
