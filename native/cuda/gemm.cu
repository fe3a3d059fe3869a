// Matrix products in all transpositions (../src/kernels/gemm.h): our own, for where there is no cuBLASLt. In float32
// from tiles in shared memory, or on tensor cores with operands rounded to bf16 or tf32. Sums are float32 and run over k
// in order, so that a row's result does not depend on the others.
//
// Leaves out splitting k, asynchronous copies and Hopper's wgmma: to be measured on hardware first.
#include "mma.h"

struct ProductArguments {
  int64_t batch, M, N, K;
  const void *A, *B;  // of what the kernel takes
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

// A's (m, k), B's (k, n); 0 beyond the ends. Both are float32 or bfloat16.
template <typename T>
DEVICE T elementA(const ProductArguments& p, const T* A, int64_t m, int64_t k) {
  if (m >= p.M || k >= p.K) return 0;
  return p.transA ? A[k * p.lda + m] : A[m * p.lda + k];
}
template <typename T>
DEVICE T elementB(const ProductArguments& p, const T* B, int64_t k, int64_t n) {
  if (n >= p.N || k >= p.K) return 0;
  return p.transB ? B[n * p.ldb + k] : B[k * p.ldb + n];
}
DEVICE uint32_t pairOf(float low, float high) { return bf16Pair(low, high); }
DEVICE uint32_t pairOf(uint16_t low, uint16_t high) { return low | static_cast<uint32_t>(high) << 16; }
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
template <typename T>
DEVICE void productFloat(const ProductArguments& p, int64_t tilesAcross) {
  __shared__ float As[kDepth][kTile + 1], Bs[kDepth][kTile + 1];
  const int64_t m0 = blockIdx.x / tilesAcross * kTile, n0 = blockIdx.x % tilesAcross * kTile;
  const int tid = threadIdx.x, tx = tid % 16, ty = tid / 16;
  for (int64_t b = blockIdx.y; b < p.batch; b += gridDim.y) {
    const float* A = static_cast<const float*>(p.A) + b * p.strideA;
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

// Tensor cores: 128 threads, 4 warps of 32 × 32 elements each. Words of shared memory hold a pair of bf16 or one tf32;
// rows are padded so that a fragment's 32 lanes read 32 banks.
constexpr int kMmaDepth = 32;

template <bool bf16, typename TA, typename TB>
DEVICE void productMma(const ProductArguments& p, int64_t tilesAcross) {
  constexpr int kWords = bf16 ? kMmaDepth / 2 : kMmaDepth, kRow = kWords + 4;
  constexpr int kPerWord = bf16 ? 2 : 1, kStepWords = 8;  // one mma takes 8 words of k
  __shared__ uint32_t As[kTile * kRow], Bs[kTile * kRow];
  const int64_t m0 = blockIdx.x / tilesAcross * kTile, n0 = blockIdx.x % tilesAcross * kTile;
  const int tid = threadIdx.x, lane = tid % 32, warp = tid / 32, g = lane / 4, t = lane % 4;
  const int mw = warp / 2 * 32, nw = warp % 2 * 32;
  for (int64_t batch = blockIdx.y; batch < p.batch; batch += gridDim.y) {
    const TA* A = static_cast<const TA*>(p.A) + batch * p.strideA;
    const TB* B = static_cast<const TB*>(p.B) + batch * p.strideB;
    float* C = p.C + batch * p.strideC;
    float sums[2][4][4] = {};
    for (int64_t k0 = 0; k0 < p.K; k0 += kMmaDepth) {
      for (int i = tid; i < kTile * kWords; i += 128) {
        const int ma = p.transA ? i % kTile : i / kWords, wa = p.transA ? i / kTile : i % kWords;
        const int nb = p.transB ? i / kWords : i % kTile, wb = p.transB ? i % kWords : i / kTile;
        const int64_t ka = k0 + wa * kPerWord, kb = k0 + wb * kPerWord;
        if (bf16) {
          As[ma * kRow + wa] = pairOf(elementA(p, A, m0 + ma, ka), elementA(p, A, m0 + ma, ka + 1));
          Bs[nb * kRow + wb] = pairOf(elementB(p, B, kb, n0 + nb), elementB(p, B, kb + 1, n0 + nb));
        } else {
          As[ma * kRow + wa] = __float_as_uint(tf32Of(valueOf(elementA(p, A, m0 + ma, ka))));
          Bs[nb * kRow + wb] = __float_as_uint(tf32Of(valueOf(elementB(p, B, kb, n0 + nb))));
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

KERNEL productFp32(ProductArguments p, int64_t tilesAcross) { productFloat<float>(p, tilesAcross); }
KERNEL productTf32(ProductArguments p, int64_t tilesAcross) { productMma<false, float, float>(p, tilesAcross); }
KERNEL productBf16(ProductArguments p, int64_t tilesAcross) { productMma<true, float, float>(p, tilesAcross); }
// The same with B in bfloat16.
KERNEL productFp32Half(ProductArguments p, int64_t tilesAcross) { productFloat<uint16_t>(p, tilesAcross); }
KERNEL productTf32Half(ProductArguments p, int64_t tilesAcross) { productMma<false, float, uint16_t>(p, tilesAcross); }
KERNEL productBf16Half(ProductArguments p, int64_t tilesAcross) { productMma<true, float, uint16_t>(p, tilesAcross); }
// With A, and with both.
KERNEL productBf16HalfA(ProductArguments p, int64_t tilesAcross) { productMma<true, uint16_t, float>(p, tilesAcross); }
KERNEL productBf16Halves(ProductArguments p, int64_t tilesAcross) { productMma<true, uint16_t, uint16_t>(p, tilesAcross); }

// What a library's product lacks: bias and activation, in place; `width` elements at a time.
template <int width>
DEVICE void finishRows(const ProductArguments& p) {
  const int64_t across = p.N / width;
  for (EACH(i, p.batch * p.M * across)) {
    const Division row = divide(i, across), matrix = divide(row.whole, p.M);
    const int64_t n = row.rest * width;
    float* at = p.C + matrix.whole * p.strideC + matrix.rest * p.ldc + n;
    Pack<float, width> bias = {};
    if (p.bias != nullptr) bias = packAt<width>(p.bias + n);
    const auto finished = [&](float x, float b) { return activate(x + b, p.activation, p.alpha); };
    mapPack<width>(at, finished, packAt<width>(at), bias);
  }
}
KERNEL finishProduct(ProductArguments p) { finishRows<1>(p); }
KERNEL finishProductPacks(ProductArguments p) { finishRows<4>(p); }

#if BREVITY_HOST
#include <algorithm>
#include <memory>

namespace brevity {
namespace cuda {

namespace {

// Of rows that a library multiplies fast: their bytes are a multiple of 16.
constexpr int64_t kAlignedHalves = 8;

// An operand as a library gets it: rows ld apart, matrices stride. A shared operand is one matrix.
struct Operand {
  int64_t batch, rows, cols, ld, stride;
  Operand(int64_t rows, int64_t cols, int64_t ld, int64_t count, int64_t stride)
      : batch(stride == 0 ? 1 : count), rows(rows), cols(cols), ld(ld), stride(stride) {}
  // The same as a copy whose rows begin at multiples of `align` elements.
  Operand dense(int64_t align) const {
    const int64_t apart = ceilDiv(cols, align) * align;
    return {rows, cols, apart, batch, batch == 1 ? 0 : rows * apart};
  }
  int64_t room() const { return batch * rows * ld; }
  MatrixRows to(const Operand& copy) const { return {batch, rows, cols, ld, stride, copy.ld}; }
};

// Multiplies by the library, with operands as they are to be read.
bool multiply(const Gemm& g, Precision precision, const Operand& a, const void* A, const Operand& b, const void* B) {
  Gemm plain = g;
  plain.lda = a.ld;
  plain.ldb = b.ld;
  plain.strideA = a.stride;
  plain.strideB = b.stride;
  return stream().product(plain, precision, A, B);
}

bool isAligned(const uint16_t* data, const Operand& x) {
  return reinterpret_cast<uintptr_t>(data) % 16 == 0 && x.ld % kAlignedHalves == 0 && x.stride % kAlignedHalves == 0;
}

// An operand in bf16: as it lies, unless it is float32 or its rows begin where the library would be slow, for which a copy,
// once a product, costs less.
class HalfOperand {
 public:
  HalfOperand(const Operand& x, const float* floats, const uint16_t* halves)
      : layout_(halves != nullptr && isAligned(halves, x) ? x : x.dense(kAlignedHalves)), halves_(halves) {
    if (halves != nullptr && isAligned(halves, x)) return;
    copy_ = std::make_unique<Scratch<uint16_t>>(layout_.room());
    if (halves != nullptr) copyRows(halves, *copy_, x.to(layout_));
    else roundRows(floats, *copy_, x.to(layout_));
    halves_ = *copy_;
  }
  const Operand& layout() const { return layout_; }
  const uint16_t* data() const { return halves_; }

 private:
  Operand layout_;
  const uint16_t* halves_;
  std::unique_ptr<Scratch<uint16_t>> copy_;
};

ProductArguments argumentsOf(const Gemm& g) {
  ProductArguments p{};
  p.batch = g.batch;
  p.M = g.M;
  p.N = g.N;
  p.K = g.K;
  p.A = g.halfA != nullptr ? static_cast<const void*>(g.halfA) : g.A;
  p.B = g.halfB != nullptr ? static_cast<const void*>(g.halfB) : g.B;
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
  return p;
}

void finish(const ProductArguments& p) {
  const int64_t n = p.batch * p.M * p.N;
  const bool packs = areAligned(p.C, p.bias) && p.N % 4 == 0 && p.ldc % 4 == 0 && p.strideC % 4 == 0;
  if (packs) LAUNCH(finishProductPacks, overElements(n, 4), p);
  else LAUNCH(finishProduct, overElements(n), p);
}

bool byLibrary(const Gemm& g, Precision precision) {
  if (!stream().hasProducts() || g.K == 0) return false;
  const Operand a(g.transA ? g.K : g.M, g.transA ? g.M : g.K, g.lda, g.batch, g.strideA);
  const Operand b(g.transB ? g.N : g.K, g.transB ? g.K : g.N, g.ldb, g.batch, g.strideB);
  bool done;
  if (precision == Precision::bf16) {
    const HalfOperand A(a, g.A, g.halfA), B(b, g.B, g.halfB);
    done = multiply(g, precision, A.layout(), A.data(), B.layout(), B.data());
  } else if (g.halfB != nullptr) {
    const Operand widened = b.dense(1);
    Scratch<float> B(widened.room());
    widenRows(g.halfB, B, b.to(widened));
    done = multiply(g, precision, a, g.A, widened, B);
  } else {
    done = multiply(g, precision, a, g.A, b, g.B);
  }
  if (done && (g.bias != nullptr || g.activation != Activation::none)) finish(argumentsOf(g));
  return done;
}

// A in float32, for where that is multiplied.
void productOfWidened(const Gemm& g) {
  const int64_t count = g.strideA == 0 ? g.M * g.K : (g.batch - 1) * g.strideA + g.M * g.K;
  Scratch<float> A(count);
  widenRows(g.halfA, A, {1, 1, count, count, 0, count});
  Gemm widened = g;
  widened.A = A;
  widened.halfA = nullptr;
  product(widened);
}

}  // namespace

void product(const Gemm& g) {
  if (g.batch == 0 || g.M == 0 || g.N == 0) return;
  const Precision precision = stream().precision();
  if (g.halfA != nullptr && precision != Precision::bf16) return productOfWidened(g);
  if (byLibrary(g, precision)) return;
  const ProductArguments p = argumentsOf(g);
  const bool half = g.halfB != nullptr;
  const int64_t across = ceilDiv(g.N, kTile), down = ceilDiv(g.M, kTile);
  const dim3 grid(gridSize(across * down), static_cast<unsigned>(std::min<int64_t>(g.batch, 65535)));
  switch (precision) {
    case Precision::fp32:
      if (half) LAUNCH(productFp32Half, Geometry(grid, 256), p, across);
      else LAUNCH(productFp32, Geometry(grid, 256), p, across);
      return;
    case Precision::tf32:
      if (half) LAUNCH(productTf32Half, Geometry(grid, 128), p, across);
      else LAUNCH(productTf32, Geometry(grid, 128), p, across);
      return;
    case Precision::bf16:
      if (half && g.halfA != nullptr) LAUNCH(productBf16Halves, Geometry(grid, 128), p, across);
      else if (g.halfA != nullptr) LAUNCH(productBf16HalfA, Geometry(grid, 128), p, across);
      else if (half) LAUNCH(productBf16Half, Geometry(grid, 128), p, across);
      else LAUNCH(productBf16, Geometry(grid, 128), p, across);
      return;
  }
}

void gemmOps(OpTable& table) {
  table.push_back({"MatMul", [](const Launch& l) { product(matMulOf(l, false, false)); }});
  // With one side in bfloat16, or both.
  table.push_back({"MatMul/bf16", [](const Launch& l) { product(matMulOf(l, false, true)); }});
  table.push_back({"MatMul/bf16a", [](const Launch& l) { product(matMulOf(l, true, false)); }});
  table.push_back({"MatMul/bf16ab", [](const Launch& l) { product(matMulOf(l, true, true)); }});
}

}  // namespace cuda
}  // namespace brevity
#endif
