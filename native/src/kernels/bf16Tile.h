// Products of panels whose operands are rounded to bfloat16, with sums in float32: both operands are packed as the
// instructions in use (bf16.h) want them, then multiplied. Used by gemmBf16 and tokenLogProbs.
//
// A product of two bfloat16 is exact in float32, so instructions differ only in the order and rounding of their sums
// (bf16Avx512.h, bf16Amx.h, bf16Mmla.h). In each, a row's sums depend on K alone, not on the other rows. Without such
// instructions a plain loop gives the bits of AVX512-BF16 (but for subnormal sums), at a fraction of the speed: it exists
// for tests, and a device does not offer bfloat16 products there.
#pragma once
#include "bf16Amx.h"
#include "bf16Avx512.h"
#include "bf16Mmla.h"

// A build over emulated instructions (test/shim/) names them.
#if !defined(BREVITY_BF16_IN_USE)
#define BREVITY_BF16_IN_USE currentBf16()
#endif

namespace brevity {
namespace BREVITY_NS {

// Largest depth of a block, the size of a panel of that depth in words of 32 bits, and the depth of equal blocks.
constexpr int64_t kBf16Depth = 512;
constexpr int64_t kPanelWords = kBf16Depth / 2 * kPairColumns;
BREVITY_INLINE int64_t bf16DepthOf(int64_t K) { return blocksOf(evenly(K, kBf16Depth), kDepthStep) * kDepthStep; }

// Rows that a tile multiplies at once.
BREVITY_INLINE int64_t bf16TileRows(Bf16 form) { return form == Bf16::amx ? 32 : form == Bf16::bfmmla ? 8 : kRows; }

// While it exists, the thread that made it can multiply. One per task, destroyed by the same thread.
class Bf16Scope {
 public:
  explicit Bf16Scope(Bf16 form) : form_(form) {
#if defined(BREVITY_AMX)
    if (form_ == Bf16::amx) configureAmx();
#endif
  }
  ~Bf16Scope() {
#if defined(BREVITY_AMX)
    if (form_ == Bf16::amx) releaseAmx();
#endif
  }
  Bf16Scope(const Bf16Scope&) = delete;
  Bf16Scope& operator=(const Bf16Scope&) = delete;
  Bf16 form() const { return form_; }

 private:
  const Bf16 form_;
};

// A packed left operand. Rows are `stride` words apart (pairs of rows with BFMMLA), or pairs of k if `across`, which it
// is only where the tile reads single values (AVX512-BF16 and the loop).
struct LeftBf16 {
  Bf16 form;
  const uint32_t* data;
  int64_t stride;
  bool across;
  // Words that `rows` rows of depth K take.
  static int64_t words(int64_t rows, int64_t K) {
    return blocksOf(rows, kLeftRows) * kLeftRows * blocksOf(K, kDepthStep) * (kDepthStep / 2);
  }
  // The operand from k on, a multiple of kDepthStep; not for one that is `across`.
  LeftBf16 from(int64_t k) const { return {form, data + (form == Bf16::bfmmla ? k : k / 2), stride, across}; }
};

// Packs x [rows, K], rows xStride apart, or stored as [K, rows] if `across`.
template <class T>
static LeftBf16 packLeftBf16(Bf16 form, const T* x, int64_t xStride, bool across, int64_t rows, int64_t K, uint32_t* y) {
#if defined(BREVITY_BFMMLA)
  if (form == Bf16::bfmmla) {
    const int64_t stride = 4 * quadsOf(K), width = blocksOf(rows, 4) * 4;
    const Quads quads{y, stride, 4};
    across ? packQuadsAcross(x, xStride, rows, K, quads, width) : packQuads(x, xStride, rows, K, quads, width);
    return {form, y, stride, false};
  }
#endif
  const int64_t pairs = pairsOf(K);
  if (form == Bf16::amx) {
    const int64_t stride = blocksOf(K, kDepthStep) * (kDepthStep / 2);
    across ? packPairsAcross(x, xStride, rows, K, y, stride) : packPairs(x, xStride, rows, K, y, stride);
    for (int64_t i = 0; i < rows; i++)
      for (int64_t p = pairs; p < stride; p++) y[i * stride + p] = 0;
    const int64_t completed = blocksOf(rows, kLeftRows) * kLeftRows;
    std::memset(y + rows * stride, 0, sizeof(uint32_t) * static_cast<size_t>((completed - rows) * stride));
    return {form, y, stride, false};
  }
  if (!across) {
    packPairs(x, xStride, rows, K, y, pairs);
    return {form, y, pairs, false};
  }
  const int64_t width = blocksOf(rows, kLeftRows) * kLeftRows;
  packPairColumns(x, xStride, K, rows, y, width, width);
  return {form, y, width, true};
}

// A right operand as stored, in float32 or bfloat16.
template <class T>
struct RightBf16 {
  const T* data;
  int64_t stride;
  bool across;  // stored [N, K]
  // Packs the columns [j, j + n), at most kPairColumns, of the rows [k, k + K), at most kBf16Depth, as a panel.
  void pack(Bf16 form, int64_t k, int64_t K, int64_t j, int64_t n, uint32_t* y) const {
    const T* x = across ? data + j * stride + k : data + k * stride + j;
#if defined(BREVITY_BFMMLA)
    if (form == Bf16::bfmmla) {
      const Quads quads{y, 4, 2 * kPairColumns};
      const int64_t width = blocksOf(n, kQuadSide) * kQuadSide;
      across ? packQuads(x, stride, n, K, quads, width) : packQuadsAcross(x, stride, n, K, quads, width);
      return;
    }
#endif
    const int64_t width = blocksOf(n, 16) * 16;
    if (across) {
      packPairRows(x, stride, K, n, y, kPairColumns, width);
    } else {
      packPairColumns(x, stride, K, n, y, kPairColumns, width);
    }
    if (form != Bf16::amx) return;
    const int64_t pairs = pairsOf(K), completed = blocksOf(K, kDepthStep) * (kDepthStep / 2);
    for (int64_t p = pairs; p < completed; p++)
      std::memset(y + p * kPairColumns, 0, sizeof(uint32_t) * static_cast<size_t>(width));
  }
};

// One panel: c [M, n] (+)= a·b for n ≤ kPairColumns columns of a packed b, over K.
static void panelProductBf16(int64_t M, int64_t n, int64_t K, LeftBf16 a, const uint32_t* b, float* c, int64_t cStride,
                             bool add) {
  const int64_t pairs = pairsOf(K);
  switch (a.form) {
#if defined(BREVITY_PAIR_VECTORS)
    case Bf16::avx512:
      return avx512Product(M, n, pairs, a.data, a.stride, a.across, b, c, cStride, add);
#endif
#if defined(BREVITY_AMX)
    case Bf16::amx:
      return amxProduct(M, n, pairs, a.data, a.stride, b, c, cStride, add);
#endif
#if defined(BREVITY_BFMMLA)
    case Bf16::bfmmla:
      return mmlaProduct(M, n, quadsOf(K), a.data, a.stride, b, c, cStride, add);
#endif
    default:
      break;
  }
  for (int64_t i = 0; i < M; i++)
    for (int64_t j = 0; j < n; j++) {
      float sum = add ? c[i * cStride + j] : 0.0f;
      for (int64_t p = 0; p < pairs; p++) {
        const uint32_t x = a.data[a.across ? p * a.stride + i : i * a.stride + p], y = b[p * kPairColumns + j];
        sum = sum + oddOf(x) * oddOf(y);
        sum = sum + evenOf(x) * evenOf(y);
      }
      c[i * cStride + j] = sum;
    }
}

}  // namespace BREVITY_NS
}  // namespace brevity
