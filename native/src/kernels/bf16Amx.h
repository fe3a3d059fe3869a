// The register tile of bfloat16 products on AMX. One TDPBF16PS adds the products of 32 values of k to 16 × 16 sums: it
// sums the even and the odd k's on their own, from zero and in order, adds the two, then adds that to the sum; each
// addition is rounded to nearest even, and subnormal operands and results are zero.
//
// Leaves out a tile of its own for small blocks: their rows and columns are completed with zeros, so that one
// configuration of the registers serves every product.
#pragma once
#include "bf16Pairs.h"

// test/shim/amx.h defines BREVITY_AMX too, as nothing, with the intrinsics in plain C++.
#if !defined(BREVITY_AMX) && defined(BREVITY_PAIR_VECTORS) && defined(BREVITY_BUILDS_AMX)
#define BREVITY_AMX __attribute__((target("amx-tile,amx-bf16")))
#endif

#if defined(BREVITY_AMX)

namespace brevity {
namespace BREVITY_NS {

// The memory that LDTILECFG reads: eight registers of 16 rows of 64 bytes.
struct AmxConfiguration {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(AmxConfiguration) == 64, "the size that LDTILECFG reads");

// Static, because GCC's intrinsic tells the compiler of the first eight bytes only.
alignas(64) static const AmxConfiguration amxConfiguration;

// A thread configures its registers before its first product and releases them after its last one: the kernel then saves
// none of their 8 KiB when it switches threads.
BREVITY_AMX static void configureAmx() { _tile_loadconfig(&amxConfiguration); }
BREVITY_AMX static void releaseAmx() { _tile_release(); }

// Sums 0 to 3, left operands 4 and 5, right operands 6 and 7: c [32, 32] (+)= a·b over `steps` of 32 values of k, or the
// first 16 rows if not `lower`, or the first 16 columns if not `right`.
template <bool lower, bool right>
BREVITY_AMX static void amxTile(int64_t steps, const uint32_t* a, int64_t aStride, const uint32_t* b, float* c,
                                int64_t cStride, bool add) {
  const int64_t aBytes = aStride * 4, bBytes = kPairColumns * 4, cBytes = cStride * 4;
  float* const below = c + 16 * cStride;
  // GCC's intrinsics do not say that they read memory: what was packed and copied must be there.
  __asm__ volatile("" ::: "memory");
  if (add) {
    _tile_loadd(0, c, cBytes);
    if (right) _tile_loadd(1, c + 16, cBytes);
    if (lower) _tile_loadd(2, below, cBytes);
    if (lower && right) _tile_loadd(3, below + 16, cBytes);
  } else {
    _tile_zero(0);
    if (right) _tile_zero(1);
    if (lower) _tile_zero(2);
    if (lower && right) _tile_zero(3);
  }
  for (int64_t step = 0; step < steps; step++, a += 16, b += 16 * kPairColumns) {
    _tile_loadd(4, a, aBytes);
    _tile_loadd(6, b, bBytes);
    _tile_dpbf16ps(0, 4, 6);
    if (right) {
      _tile_loadd(7, b + 16, bBytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if (lower) {
      _tile_loadd(5, a + 16 * aStride, aBytes);
      _tile_dpbf16ps(2, 5, 6);
    }
    if (lower && right) _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c, cBytes);
  if (right) _tile_stored(1, c + 16, cBytes);
  if (lower) _tile_stored(2, below, cBytes);
  if (lower && right) _tile_stored(3, below + 16, cBytes);
}

// One panel: c [M, n] (+)= a·b. Element (row, pair) of a is at row·aStride + pair; a's rows are completed to a multiple
// of kLeftRows, and the pairs of both operands to whole steps.
static void amxProduct(int64_t M, int64_t n, int64_t pairs, const uint32_t* a, int64_t aStride, const uint32_t* b,
                       float* c, int64_t cStride, bool add) {
  constexpr int64_t kSide = 32;
  const int64_t steps = blocksOf(pairs, kDepthStep / 2);
  for (int64_t j = 0; j < n; j += kSide)
    for (int64_t i = 0; i < M; i += kSide) {
      const int64_t rows = least(kSide, M - i), columns = least(kSide, n - j);
      const bool lower = rows > 16, right = columns > 16;
      const auto tile = lower ? (right ? amxTile<true, true> : amxTile<true, false>)
                              : (right ? amxTile<false, true> : amxTile<false, false>);
      float* const block = c + i * cStride + j;
      if (rows % 16 == 0 && columns % 16 == 0) {
        tile(steps, a + i * aStride, aStride, b + j, block, cStride, add);
        continue;
      }
      alignas(64) float copy[kSide * kSide] = {};
      if (add) copyBlock(block, cStride, rows, columns, copy, kSide);
      tile(steps, a + i * aStride, aStride, b + j, copy, kSide, add);
      copyBlock(copy, kSide, rows, columns, block, cStride);
    }
}

}  // namespace BREVITY_NS
}  // namespace brevity

#endif
