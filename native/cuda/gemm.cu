// Our own matrix products of float32 in all transpositions: from tiles in shared memory, or on tensor cores with operands
// rounded to tf32. Sums are float32 and run over k in order, so that a row's result does not depend on the others.
#include "mma.h"

struct ProductArguments {
  int64_t batch, M, N, K;
  const float* A;
  const void* B;  // of what the kernel takes
  float* C;
  int64_t lda, ldb, ldc, strideA, strideB, strideC;
  int32_t transA, transB, accumulate, reserved;
};

// A's (m, k), B's (k, n); 0 beyond the ends. B is float32 or bfloat16.
DEVICE float elementA(const ProductArguments& p, const float* A, int64_t m, int64_t k) {
  if (m >= p.M || k >= p.K) return 0;
  return p.transA ? A[k * p.lda + m] : A[m * p.lda + k];
}
template <typename T>
DEVICE T elementB(const ProductArguments& p, const T* B, int64_t k, int64_t n) {
  if (n >= p.N || k >= p.K) return 0;
  return p.transB ? B[n * p.ldb + k] : B[k * p.ldb + n];
}
DEVICE void put(const ProductArguments& p, float* C, int64_t m, int64_t n, float sum) {
  if (m >= p.M || n >= p.N) return;
  float* at = C + m * p.ldc + n;
  if (p.accumulate) sum += *at;
  *at = sum;
}

constexpr int kTile = 64;   // rows and columns of C that a block computes
constexpr int kDepth = 16;  // of k at a time, in float32

// 256 threads; each has 4 × 4 elements, 16 apart.
template <typename T>
DEVICE void productFloat(const ProductArguments& p, int64_t tilesAcross) {
  __shared__ float As[kDepth][kTile + 1], Bs[kDepth][kTile + 1];
  const int64_t m0 = blockIdx.x / tilesAcross * kTile, n0 = blockIdx.x % tilesAcross * kTile;
  const int tid = threadIdx.x, tx = tid % 16, ty = tid / 16;
  for (int64_t b = blockIdx.y; b < p.batch; b += gridDim.y) {
    const float* A = p.A + b * p.strideA;
    const T* B = static_cast<const T*>(p.B) + b * p.strideB;
    float* C = p.C + b * p.strideC;
    float sums[4][4] = {};
    for (int64_t k0 = 0; k0 < p.K; k0 += kDepth) {
      // Neighbouring threads read neighbouring memory, whichever way an operand lies.
      for (int i = tid; i < kTile * kDepth; i += 256) {
        const int ma = p.transA ? i % kTile : i / kDepth, ka = p.transA ? i / kTile : i % kDepth;
        As[ka][ma] = elementA(p, A, m0 + ma, k0 + ka);
        const int nb = p.transB ? i / kDepth : i % kTile, kb = p.transB ? i % kDepth : i / kTile;
        Bs[kb][nb] = valueOf(elementB(p, B, k0 + kb, n0 + nb));
      }
      __syncthreads();
UNROLL
      for (int k = 0; k < kDepth; k++) {
        float a[4], c[4];
        for (int i = 0; i < 4; i++) a[i] = As[k][ty + 16 * i];
        for (int j = 0; j < 4; j++) c[j] = Bs[k][tx + 16 * j];
        for (int i = 0; i < 4; i++)
          for (int j = 0; j < 4; j++) sums[i][j] = fmaf(a[i], c[j], sums[i][j]);
      }
      __syncthreads();
    }
    for (int i = 0; i < 4; i++)
      for (int j = 0; j < 4; j++) put(p, C, m0 + ty + 16 * i, n0 + tx + 16 * j, sums[i][j]);
  }
}

// Tensor cores in tf32: 128 threads, 4 warps of 32 × 32 elements each. Rows of shared memory are padded so that a fragment's
// 32 lanes read 32 banks.
constexpr int kTf32Depth = 32;

template <typename T>
DEVICE void productOnTensorCores(const ProductArguments& p, int64_t tilesAcross) {
  constexpr int kRow = kTf32Depth + 4, kStep = 8;  // one mma takes 8 of k
  __shared__ uint32_t As[kTile * kRow], Bs[kTile * kRow];
  const int64_t m0 = blockIdx.x / tilesAcross * kTile, n0 = blockIdx.x % tilesAcross * kTile;
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32, g = lane / 4, t = lane % 4;
  const int mw = warp / 2 * 32, nw = warp % 2 * 32;
  for (int64_t batch = blockIdx.y; batch < p.batch; batch += gridDim.y) {
    const float* A = p.A + batch * p.strideA;
    const T* B = static_cast<const T*>(p.B) + batch * p.strideB;
    float* C = p.C + batch * p.strideC;
    float sums[2][4][4] = {};
    for (int64_t k0 = 0; k0 < p.K; k0 += kTf32Depth) {
      for (int i = tid; i < kTile * kTf32Depth; i += 128) {
        const int ma = p.transA ? i % kTile : i / kTf32Depth, ka = p.transA ? i / kTile : i % kTf32Depth;
        const int nb = p.transB ? i / kTf32Depth : i % kTile, kb = p.transB ? i % kTf32Depth : i / kTile;
        As[ma * kRow + ka] = __float_as_uint(tf32Of(elementA(p, A, m0 + ma, k0 + ka)));
        Bs[nb * kRow + kb] = __float_as_uint(tf32Of(valueOf(elementB(p, B, k0 + kb, n0 + nb))));
      }
      __syncthreads();
UNROLL
      for (int w = 0; w < kTf32Depth; w += kStep) {
        uint32_t a[2][4], b[4][2];
        for (int i = 0; i < 2; i++) {
          const uint32_t* row = As + (mw + 16 * i + g) * kRow + w + t;
          a[i][0] = row[0];
          a[i][1] = row[8 * kRow];
          a[i][2] = row[4];
          a[i][3] = row[8 * kRow + 4];
        }
        for (int j = 0; j < 4; j++) {
          const uint32_t* row = Bs + (nw + 8 * j + g) * kRow + w + t;
          b[j][0] = row[0];
          b[j][1] = row[4];
        }
        for (int i = 0; i < 2; i++)
          for (int j = 0; j < 4; j++) mmaTf32(sums[i][j], a[i], b[j]);
      }
      __syncthreads();
    }
    for (int i = 0; i < 2; i++)
      for (int j = 0; j < 4; j++)
        for (int e = 0; e < 4; e++)
          put(p, C, m0 + mw + 16 * i + g + e / 2 * 8, n0 + nw + 8 * j + 2 * t + e % 2, sums[i][j][e]);
  }
}

KERNEL productFp32(ProductArguments p, int64_t tilesAcross) { productFloat<float>(p, tilesAcross); }
KERNEL productTf32(ProductArguments p, int64_t tilesAcross) { productOnTensorCores<float>(p, tilesAcross); }
// The same with B in bfloat16.
KERNEL productFp32Half(ProductArguments p, int64_t tilesAcross) { productFloat<uint16_t>(p, tilesAcross); }
KERNEL productTf32Half(ProductArguments p, int64_t tilesAcross) { productOnTensorCores<uint16_t>(p, tilesAcross); }

#if BREVITY_HOST
#include <algorithm>

namespace brevity {
namespace cuda {

void productOfFloats(const Gemm& g) {
  ProductArguments p{};
  p.batch = g.batch;
  p.M = g.M;
  p.N = g.N;
  p.K = g.K;
  p.A = g.A;
  p.B = g.halfB != nullptr ? static_cast<const void*>(g.halfB) : g.B;
  p.C = g.C;
  p.lda = g.lda;
  p.ldb = g.ldb;
  p.ldc = g.ldc;
  p.strideA = g.strideA;
  p.strideB = g.strideB;
  p.strideC = g.strideC;
  p.transA = g.transA;
  p.transB = g.transB;
  p.accumulate = g.accumulate;
  const bool half = g.halfB != nullptr;
  const int64_t across = ceilDiv(g.N, kTile), down = ceilDiv(g.M, kTile);
  const dim3 grid(gridSize(across * down), static_cast<unsigned>(std::min<int64_t>(g.batch, 65535)));
  if (stream().precision() == Precision::fp32) {
    if (half) LAUNCH(productFp32Half, Geometry(grid, 256), p, across);
    else LAUNCH(productFp32, Geometry(grid, 256), p, across);
  } else {
    if (half) LAUNCH(productTf32Half, Geometry(grid, 128), p, across);
    else LAUNCH(productTf32, Geometry(grid, 128), p, across);
  }
}

}  // namespace cuda
}  // namespace brevity
#endif
