// Matrix products in all transpositions (../src/kernels/gemm.h): our own, for where there is no cuBLASLt. In float32
// from tiles in shared memory, or on tensor cores with operands rounded to bf16 or tf32. Sums are float32 and run over k
// in order, so that a row's result does not depend on the others.
//
// Leaves out splitting k, asynchronous copies and Hopper's wgmma: to be measured on hardware first.
#include "mma.h"

struct ProductArguments {
  int64_t batch, M, N, K;
  const float* A;
  const float* B;
  float* C;
  const float* bias;
  int64_t lda, ldb, ldc, strideA, strideB, strideC;
  int32_t transA, transB, accumulate, activation;
  float alpha;
  int32_t reserved;
};

// enum class Activation of gemm.h, in its order.
DEVICE float activate(float x, int activation, float alpha) {
  switch (activation) {
    case 1:
      return x < 0 ? 0.0f : x;
    case 2:
      return x < 0 ? 0.0f : x > 6 ? 6.0f : x;
    case 3:
      return 1.0f / (1.0f + expf(-x));
    case 4:
      return x / (1.0f + expf(-x));
    case 5:
      return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
    case 6:
      return 0.5f * x * (1.0f + tanhf(0.79788456080286536f * (x + 0.044715f * x * x * x)));
    case 7:
      return x >= 0 ? x : expm1f(x);
    case 8:
      return x < 0 ? alpha * x : x;
    default:
      return x;
  }
}

// A's (m, k), B's (k, n); 0 beyond the ends.
DEVICE float elementA(const ProductArguments& p, const float* A, int64_t m, int64_t k) {
  if (m >= p.M || k >= p.K) return 0;
  return p.transA ? A[k * p.lda + m] : A[m * p.lda + k];
}
DEVICE float elementB(const ProductArguments& p, const float* B, int64_t k, int64_t n) {
  if (n >= p.N || k >= p.K) return 0;
  return p.transB ? B[n * p.ldb + k] : B[k * p.ldb + n];
}
DEVICE void put(const ProductArguments& p, float* C, int64_t m, int64_t n, float sum) {
  if (m >= p.M || n >= p.N) return;
  float* at = C + m * p.ldc + n;
  if (p.accumulate) sum += *at;
  if (p.bias != nullptr) sum += p.bias[n];
  *at = activate(sum, p.activation, p.alpha);
}

constexpr int kTile = 64;   // rows and columns of C that a block computes
constexpr int kDepth = 16;  // of k at a time, in float32

// 256 threads; each has 4 × 4 elements, 16 apart.
KERNEL productFp32(ProductArguments p, int64_t tilesAcross) {
  __shared__ float As[kDepth][kTile + 1], Bs[kDepth][kTile + 1];
  const int64_t m0 = blockIdx.x / tilesAcross * kTile, n0 = blockIdx.x % tilesAcross * kTile;
  const int tid = threadIdx.x, tx = tid % 16, ty = tid / 16;
  for (int64_t b = blockIdx.y; b < p.batch; b += gridDim.y) {
    const float *A = p.A + b * p.strideA, *B = p.B + b * p.strideB;
    float* C = p.C + b * p.strideC;
    float sums[4][4] = {};
    for (int64_t k0 = 0; k0 < p.K; k0 += kDepth) {
      // Neighbouring threads read neighbouring memory, whichever way an operand lies.
      for (int i = tid; i < kTile * kDepth; i += 256) {
        const int ma = p.transA ? i % kTile : i / kDepth, ka = p.transA ? i / kTile : i % kDepth;
        As[ka][ma] = elementA(p, A, m0 + ma, k0 + ka);
        const int nb = p.transB ? i / kDepth : i % kTile, kb = p.transB ? i % kDepth : i / kTile;
        Bs[kb][nb] = elementB(p, B, k0 + kb, n0 + nb);
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

// Tensor cores: 128 threads, 4 warps of 32 × 32 elements each. Words of shared memory hold a pair of bf16 or one tf32;
// rows are padded so that a fragment's 32 lanes read 32 banks.
constexpr int kMmaDepth = 32;

template <bool bf16>
DEVICE void productMma(const ProductArguments& p, int64_t tilesAcross) {
  constexpr int kWords = bf16 ? kMmaDepth / 2 : kMmaDepth, kRow = kWords + 4;
  constexpr int kPerWord = bf16 ? 2 : 1, kStepWords = 8;  // one mma takes 8 words of k
  __shared__ uint32_t As[kTile * kRow], Bs[kTile * kRow];
  const int64_t m0 = blockIdx.x / tilesAcross * kTile, n0 = blockIdx.x % tilesAcross * kTile;
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32, g = lane / 4, t = lane % 4;
  const int mw = warp / 2 * 32, nw = warp % 2 * 32;
  for (int64_t batch = blockIdx.y; batch < p.batch; batch += gridDim.y) {
    const float *A = p.A + batch * p.strideA, *B = p.B + batch * p.strideB;
    float* C = p.C + batch * p.strideC;
    float sums[2][4][4] = {};
    for (int64_t k0 = 0; k0 < p.K; k0 += kMmaDepth) {
      for (int i = tid; i < kTile * kWords; i += 128) {
        const int ma = p.transA ? i % kTile : i / kWords, wa = p.transA ? i / kTile : i % kWords;
        const int nb = p.transB ? i / kWords : i % kTile, wb = p.transB ? i % kWords : i / kTile;
        const int64_t ka = k0 + wa * kPerWord, kb = k0 + wb * kPerWord;
        if (bf16) {
          As[ma * kRow + wa] = bf16Pair(elementA(p, A, m0 + ma, ka), elementA(p, A, m0 + ma, ka + 1));
          Bs[nb * kRow + wb] = bf16Pair(elementB(p, B, kb, n0 + nb), elementB(p, B, kb + 1, n0 + nb));
        } else {
          As[ma * kRow + wa] = __float_as_uint(tf32Of(elementA(p, A, m0 + ma, ka)));
          Bs[nb * kRow + wb] = __float_as_uint(tf32Of(elementB(p, B, kb, n0 + nb)));
        }
      }
      __syncthreads();
UNROLL
      for (int w = 0; w < kWords; w += kStepWords) {
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
          for (int j = 0; j < 4; j++) {
            if (bf16)
              mmaBf16(sums[i][j], a[i], b[j]);
            else
              mmaTf32(sums[i][j], a[i], b[j]);
          }
      }
      __syncthreads();
    }
    for (int i = 0; i < 2; i++)
      for (int j = 0; j < 4; j++)
        for (int e = 0; e < 4; e++)
          put(p, C, m0 + mw + 16 * i + g + e / 2 * 8, n0 + nw + 8 * j + 2 * t + e % 2, sums[i][j][e]);
  }
}

KERNEL productBf16(ProductArguments p, int64_t tilesAcross) { productMma<true>(p, tilesAcross); }
KERNEL productTf32(ProductArguments p, int64_t tilesAcross) { productMma<false>(p, tilesAcross); }

// What a library's product lacks: bias and activation, in place.
KERNEL finishProduct(float* C, const float* bias, int64_t batch, int64_t M, int64_t N, int64_t ldc, int64_t strideC,
                     int activation, float alpha) {
  for (EACH(i, batch * M * N)) {
    const int64_t n = i % N, m = i / N % M, b = i / N / M;
    float* at = C + b * strideC + m * ldc + n;
    *at = activate(bias != nullptr ? *at + bias[n] : *at, activation, alpha);
  }
}

// A library's operand: y [batch, rows, cols] dense, of x whose rows are ld apart and matrices stride.
KERNEL roundToBf16(const float* x, uint16_t* y, int64_t batch, int64_t rows, int64_t cols, int64_t ld, int64_t stride) {
  for (EACH(i, batch * rows * cols)) {
    const int64_t c = i % cols, r = i / cols % rows, b = i / cols / rows;
    y[i] = static_cast<uint16_t>(bf16Bits(x[b * stride + r * ld + c]));
  }
}

#if BREVITY_HOST
#include <algorithm>

namespace brevity {
namespace cuda {

namespace {

// A bf16 copy of an operand, as the product then has it. A shared operand is copied once.
struct Rounded {
  int64_t batch, rows, cols;
  Scratch<uint16_t> data;
  Rounded(const float* x, int64_t rows, int64_t cols, int64_t ld, int64_t count, int64_t stride)
      : batch(stride == 0 ? 1 : count), rows(rows), cols(cols), data(batch * rows * cols) {
    LAUNCH(roundToBf16, overElements(batch * rows * cols), x, data, batch, rows, cols, ld, stride);
  }
  int64_t stride() const { return batch == 1 ? 0 : rows * cols; }
};

bool byLibrary(const Gemm& g, Precision precision) {
  if (!stream().hasProducts() || g.K == 0) return false;
  Gemm plain = g;
  bool done;
  if (precision == Precision::bf16) {
    const Rounded a(g.A, g.transA ? g.K : g.M, g.transA ? g.M : g.K, g.lda, g.batch, g.strideA);
    const Rounded b(g.B, g.transB ? g.N : g.K, g.transB ? g.K : g.N, g.ldb, g.batch, g.strideB);
    plain.lda = a.cols;
    plain.ldb = b.cols;
    plain.strideA = a.stride();
    plain.strideB = b.stride();
    done = stream().product(plain, precision, a.data, b.data);
  } else {
    done = stream().product(plain, precision, g.A, g.B);
  }
  if (done && (g.bias != nullptr || g.activation != Activation::none))
    LAUNCH(finishProduct, overElements(g.batch * g.M * g.N), g.C, g.bias, g.batch, g.M, g.N, g.ldc, g.strideC,
           static_cast<int>(g.activation), g.alpha);
  return done;
}

}  // namespace

void product(const Gemm& g) {
  if (g.batch == 0 || g.M == 0 || g.N == 0) return;
  const Precision precision = stream().precision();
  if (byLibrary(g, precision)) return;
  ProductArguments p{};
  p.batch = g.batch;
  p.M = g.M;
  p.N = g.N;
  p.K = g.K;
  p.A = g.A;
  p.B = g.B;
  p.C = g.C;
  p.bias = g.bias;
  p.lda = g.lda;
  p.ldb = g.ldb;
  p.ldc = g.ldc;
  p.strideA = g.strideA;
  p.strideB = g.strideB;
  p.strideC = g.strideC;
  p.transA = g.transA;
  p.transB = g.transB;
  p.accumulate = g.accumulate;
  p.activation = static_cast<int32_t>(g.activation);
  p.alpha = g.alpha;
  const int64_t across = ceilDiv(g.N, kTile), down = ceilDiv(g.M, kTile);
  const dim3 grid(gridSize(across * down), static_cast<unsigned>(std::min<int64_t>(g.batch, 65535)));
  switch (precision) {
    case Precision::fp32:
      LAUNCH(productFp32, Geometry(grid, 256), p, across);
      return;
    case Precision::tf32:
      LAUNCH(productTf32, Geometry(grid, 128), p, across);
      return;
    case Precision::bf16:
      LAUNCH(productBf16, Geometry(grid, 128), p, across);
      return;
  }
}

// a, b, bias [N] where hasBias, c; batch, strideA, strideB, M, N, K, transA, transB, hasBias, activation, alpha
static void matMulOp(const Launch& l) {
  Gemm g;
  g.batch = l.count(0);
  g.strideA = l.count(1);
  g.strideB = l.count(2);
  g.M = l.count(3);
  g.N = l.count(4);
  g.K = l.count(5);
  g.transA = l.number(6) != 0;
  g.transB = l.number(7) != 0;
  const int64_t activation = l.integer(9);
  if (activation < 0 || activation > static_cast<int64_t>(Activation::leakyRelu)) l.fail("has an unknown activation");
  g.activation = static_cast<Activation>(activation);
  g.alpha = static_cast<float>(l.number(10));
  if (g.batch == 0) return;
  g.A = l.floats(0, (g.batch - 1) * g.strideA + g.M * g.K);
  g.B = l.floats(1, (g.batch - 1) * g.strideB + g.K * g.N);
  const bool hasBias = l.number(8) != 0;
  if (hasBias) g.bias = l.floats(2, g.N);
  g.C = l.floats(hasBias ? 3 : 2, g.batch * g.M * g.N);
  g.lda = g.transA ? g.M : g.K;
  g.ldb = g.transB ? g.K : g.N;
  g.ldc = g.N;
  g.strideC = g.M * g.N;
  product(g);
}

void gemmOps(OpTable& table) { table.push_back({"MatMul", matMulOp}); }

}  // namespace cuda
}  // namespace brevity
#endif
