// Tensor-core products of a warp (PTX ISA, mma.sync.m16n8k16 for bf16 and m16n8k8 for tf32), with float32 sums, how
// float32 is rounded to their operands, and what brings these from memory. In the emulator twins gather the fragments of
// all lanes by the layouts of the PTX ISA.
//
// With g = lane / 4 and t = lane % 4, a lane holds of D [16, 8]: d[0..1] at (g, 2t..2t+1), d[2..3] at (g + 8, 2t..2t+1).
#pragma once
#include "cuda.h"
#if !defined(__CUDACC__)
#include "emulator/copies.h"
#endif

// To the nearest, ties away from zero, as cvt.rna.tf32 does.
DEVICE float tf32Of(float x) {
  if (!(fabsf(x) < INFINITE)) return x;
  return __uint_as_float((__float_as_uint(x) + 0x1000u) & 0xffffe000u);
}

#if defined(__CUDACC__)

DEVICE uint32_t bf16Pair(float low, float high) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

// a: pairs along k at (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8); b: pairs along k at (2t, g), (2t + 8, g).
DEVICE void mmaBf16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
// a: (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4); b: (t, g), (t + 4, g). Operands are rounded already.
DEVICE void mmaTf32(float d[4], const uint32_t a[4], const uint32_t b[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Four 8 × 8 matrices of bf16 in shared memory (ldmatrix): lanes 8i to 8i + 7 name the rows of matrix i, 16 bytes each;
// a lane gets of each matrix the pair at (g, 2t), or transposed the elements (2t, g) and (2t + 1, g).
DEVICE void loadMatrices(uint32_t r[4], const uint16_t* row) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}
DEVICE void loadTransposed(uint32_t r[4], const uint16_t* row) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}

// Begins to write 16 bytes of shared memory: the first `bytes` of them from global memory, zeros behind. Both addresses are
// multiples of 16, `from` even where nothing is read. They are there for this thread once it has waited, for others after
// a barrier behind that.
DEVICE void copyAsync(uint16_t* to, const uint16_t* from, int bytes) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(bytes) : "memory");
}
DEVICE void waitForCopies() { asm volatile("cp.async.wait_all;" ::: "memory"); }
// What was begun since the last call is a group; waits for all groups but the `but` last ones.
DEVICE void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int but>
DEVICE void waitForGroups() {
  asm volatile("cp.async.wait_group %0;" ::"n"(but) : "memory");
}

#else

DEVICE uint32_t bf16Pair(float low, float high) { return bf16Bits(low) | bf16Bits(high) << 16; }

inline void gatherMatrices(uint32_t r[4], const uint16_t* row, bool transposed, int line) {
  const unsigned char* all = brevity::emulator::collective(0xffffffffu, &row, sizeof row, {__FILE__, line});
  const int g = brevity::emulator::self->lane / 4, t = brevity::emulator::self->lane % 4;
  for (int i = 0; i < 4; i++) {
    const auto at = [&](int line, int column) {
      return uint32_t{brevity::emulator::laneValue<const uint16_t*>(all, 8 * i + line)[column]};
    };
    r[i] = transposed ? at(2 * t, g) | at(2 * t + 1, g) << 16 : at(g, 2 * t) | at(g, 2 * t + 1) << 16;
  }
}
inline void loadMatrices(uint32_t r[4], const uint16_t* row) { gatherMatrices(r, row, false, __LINE__); }
inline void loadTransposed(uint32_t r[4], const uint16_t* row) { gatherMatrices(r, row, true, __LINE__); }

inline void copyAsync(uint16_t* to, const uint16_t* from, int bytes) { brevity::emulator::beginCopy(to, from, bytes); }
inline void waitForCopies() { brevity::emulator::finishCopies(); }
inline void commitCopies() { brevity::emulator::commitCopies(); }
template <int but>
void waitForGroups() {
  brevity::emulator::finishGroups(but);
}

struct MmaOperands {
  uint32_t a[4], b[2];
};

inline const unsigned char* gatherOperands(const uint32_t a[4], const uint32_t b[2], int line) {
  MmaOperands mine;
  for (int i = 0; i < 4; i++) mine.a[i] = a[i];
  for (int i = 0; i < 2; i++) mine.b[i] = b[i];
  return brevity::emulator::collective(0xffffffffu, &mine, sizeof mine, {__FILE__, line});
}

inline float bf16Value(uint32_t word, int half) { return __uint_as_float((half ? word >> 16 : word & 0xffffu) << 16); }

inline void mmaBf16(float d[4], const uint32_t a[4], const uint32_t b[2]) {
  const unsigned char* all = gatherOperands(a, b, __LINE__);
  const int lane = brevity::emulator::self->lane;
  for (int i = 0; i < 4; i++) {
    const int row = lane / 4 + i / 2 * 8, col = lane % 4 * 2 + i % 2;
    for (int k = 0; k < 16; k++) {
      // The lanes that hold A's (row, k) and B's (k, col).
      const auto left = brevity::emulator::laneValue<MmaOperands>(all, row % 8 * 4 + k % 8 / 2);
      const auto right = brevity::emulator::laneValue<MmaOperands>(all, col * 4 + k % 8 / 2);
      d[i] += bf16Value(left.a[row / 8 + k / 8 * 2], k % 2) * bf16Value(right.b[k / 8], k % 2);
    }
  }
}

inline void mmaTf32(float d[4], const uint32_t a[4], const uint32_t b[2]) {
  const unsigned char* all = gatherOperands(a, b, __LINE__);
  const int lane = brevity::emulator::self->lane;
  for (int i = 0; i < 4; i++) {
    const int row = lane / 4 + i / 2 * 8, col = lane % 4 * 2 + i % 2;
    for (int k = 0; k < 8; k++) {
      const auto left = brevity::emulator::laneValue<MmaOperands>(all, row % 8 * 4 + k % 4);
      const auto right = brevity::emulator::laneValue<MmaOperands>(all, col * 4 + k % 4);
      d[i] += __uint_as_float(left.a[row / 8 + k / 4 * 2]) * __uint_as_float(right.b[k / 4]);
    }
  }
}

#endif
