#include "bf16.h"

#include <cstdlib>
#include <cstring>

#if defined(BREVITY_BUILDS_AVX512_BF16)
#include <cpuid.h>
#endif
#if defined(BREVITY_BUILDS_AMX)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(BREVITY_BUILDS_BFMMLA) && defined(__linux__)
#include <sys/auxv.h>
#endif
#if defined(BREVITY_BUILDS_BFMMLA) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace brevity {
namespace {

#if defined(BREVITY_BUILDS_AVX512_BF16)

struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};
// All zero if the processor has no such leaf.
Registers cpuid(unsigned leaf, unsigned subleaf) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);
  return r;
}
bool hasBit(unsigned bits, int bit) { return (bits >> bit & 1) != 0; }

// The instruction set avx512, which it comes with, has checked what the operating system saves.
bool hasAvx512Bf16() {
  static const bool has = cpuid(7, 0).a >= 1 && hasBit(cpuid(7, 1).a, 5);
  return has;
}

#endif

#if defined(BREVITY_BUILDS_AMX)

// AMX-BF16 and AMX-TILE, both parts of the registers enabled by the operating system, and its permission to use them.
bool permitsAmx() {
  const unsigned features = cpuid(7, 0).d;
  if (!hasBit(features, 22) || !hasBit(features, 24) || !hasBit(cpuid(1, 0).c, 27)) return false;
  unsigned enabled, upper;
  __asm__("xgetbv" : "=a"(enabled), "=d"(upper) : "c"(0));
  if (!hasBit(enabled, 17) || !hasBit(enabled, 18)) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM of <asm/prctl.h>
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

#endif

#if defined(BREVITY_BUILDS_BFMMLA)

bool hasBfmmla() {
#if defined(__linux__)
  return (getauxval(AT_HWCAP2) & 1ul << 14) != 0;  // HWCAP2_BF16 of <asm/hwcap.h>
#elif defined(__APPLE__)
  int has = 0;
  size_t size = sizeof has;
  return sysctlbyname("hw.optional.arm.FEAT_BF16", &has, &size, nullptr, 0) == 0 && has != 0;
#else
  return false;
#endif
}

#endif

constexpr Bf16 kAll[] = {Bf16::amx, Bf16::avx512, Bf16::bfmmla};  // the best first

// What setBf16 or BREVITY_BF16 asks for.
struct Asked {
  bool any = false, known = true;
  Bf16 instructions = Bf16::none;
};

Asked askedByEnvironment() {
  const char* name = std::getenv("BREVITY_BF16");
  if (name == nullptr || *name == '\0') return {};
  if (std::strcmp(name, "avx512") == 0) return {true, true, Bf16::avx512};
  if (std::strcmp(name, "amx") == 0) return {true, true, Bf16::amx};
  if (std::strcmp(name, "bfmmla") == 0) return {true, true, Bf16::bfmmla};
  return {true, false, Bf16::none};
}

Asked& asked() {
  static Asked value = askedByEnvironment();
  return value;
}

}  // namespace

bool bf16Runs(Bf16 instructions) {
  switch (instructions) {
    case Bf16::none:
      return true;
#if defined(BREVITY_BUILDS_AVX512_BF16)
    case Bf16::avx512:
      return currentIsa() == Isa::avx512 && hasAvx512Bf16();
#endif
#if defined(BREVITY_BUILDS_AMX)
    // Operands are rounded by AVX512-BF16.
    case Bf16::amx: {
      if (currentIsa() != Isa::avx512 || !hasAvx512Bf16()) return false;
      static const bool permitted = permitsAmx();
      return permitted;
    }
#endif
#if defined(BREVITY_BUILDS_BFMMLA)
    case Bf16::bfmmla:
      return currentIsa() == Isa::neon && hasBfmmla();
#endif
    default:
      return false;
  }
}

Bf16 currentBf16() {
  const Asked& wanted = asked();
  if (wanted.any) return bf16Runs(wanted.instructions) ? wanted.instructions : Bf16::none;
  for (Bf16 instructions : kAll)
    if (bf16Runs(instructions)) return instructions;
  return Bf16::none;
}

bool setBf16(Bf16 instructions) {
  if (!bf16Runs(instructions)) return false;
  asked() = {true, true, instructions};
  return true;
}

const char* bf16Name(Bf16 instructions) {
  switch (instructions) {
    case Bf16::avx512:
      return "AVX512-BF16";
    case Bf16::amx:
      return "AMX";
    case Bf16::bfmmla:
      return "BFMMLA";
    default:
      return "none";
  }
}

const char* bf16Problem() {
  const Asked& wanted = asked();
  if (!wanted.known) return "BREVITY_BF16 is not one of avx512, amx, bfmmla; correct it or leave it out";
  if (wanted.any) return "BREVITY_BF16 names instructions that this processor, or the instruction set in use, lacks; leave it out";
  return "this processor, or the instruction set in use, has no bfloat16 products (AVX512-BF16, AMX or ARM's BFMMLA); "
         "leave precision out";
}

}  // namespace brevity
