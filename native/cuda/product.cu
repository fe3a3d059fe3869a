// Matrix products in all transpositions (../src/kernels/gemm.h): what surrounds the multiplication. Operands are brought
// into the precision, cuBLASLt or, where there is none, a kernel of ours multiplies (gemmMma.cu, gemm.cu), bias and
// activation follow.
#include "cuda.h"

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

struct ProductEnd {
  int64_t batch, M, N, ldc, strideC;
  float* C;
  const float* bias;
  int32_t activation;
  float alpha;
};

// In place, `width` elements at a time.
template <int width>
DEVICE void finishRows(const ProductEnd& p) {
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
KERNEL finishProduct(ProductEnd p) { finishRows<1>(p); }
KERNEL finishProductPacks(ProductEnd p) { finishRows<4>(p); }

#if BREVITY_HOST
#include <memory>

namespace brevity {
namespace cuda {
namespace {

// Of rows that tensor cores are fed with fast: their bytes are a multiple of 16.
constexpr int64_t kAlignedHalves = 8;

// An operand as it is read: rows ld apart, matrices stride. A shared operand is one matrix.
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

// An operand in bf16: as it lies, or as a copy, made once a product, where it is float32 or its rows begin elsewhere.
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

void finish(const Gemm& g) {
  if (g.bias == nullptr && g.activation == Activation::none) return;
  const ProductEnd p{g.batch, g.M, g.N, g.ldc, g.strideC, g.C, g.bias, static_cast<int32_t>(g.activation), g.alpha};
  const int64_t n = p.batch * p.M * p.N;
  const bool packs = areAligned(p.C, p.bias) && p.N % 4 == 0 && p.ldc % 4 == 0 && p.strideC % 4 == 0;
  if (packs) LAUNCH(finishProductPacks, overElements(n, 4), p);
  else LAUNCH(finishProduct, overElements(n), p);
}

// Operands as they lie.
Operand leftOf(const Gemm& g) {
  return {g.transA ? g.K : g.M, g.transA ? g.M : g.K, g.lda, g.batch, g.strideA};
}
Operand rightOf(const Gemm& g) {
  return {g.transB ? g.N : g.K, g.transB ? g.K : g.N, g.ldb, g.batch, g.strideB};
}
bool libraryServes(const Gemm& g) { return stream().hasProducts() && g.K > 0; }

void productInBf16(const Gemm& g) {
  const HalfOperand A(leftOf(g), g.A, g.halfA), B(rightOf(g), g.B, g.halfB);
  if (!libraryServes(g) || !multiply(g, Precision::bf16, A.layout(), A.data(), B.layout(), B.data())) {
    Gemm halves = g;
    halves.halfA = A.data();
    halves.lda = A.layout().ld;
    halves.strideA = A.layout().stride;
    halves.halfB = B.data();
    halves.ldb = B.layout().ld;
    halves.strideB = B.layout().stride;
    productOfHalves(halves);
  }
}

// In float32 or tf32.
bool byLibrary(const Gemm& g, Precision precision) {
  if (!libraryServes(g)) return false;
  const Operand a = leftOf(g), b = rightOf(g);
  if (g.halfB == nullptr) return multiply(g, precision, a, g.A, b, g.B);
  const Operand widened = b.dense(1);
  Scratch<float> B(widened.room());
  widenRows(g.halfB, B, b.to(widened));
  return multiply(g, precision, a, g.A, widened, B);
}

void productInFloat(const Gemm& g) {
  if (!byLibrary(g, stream().precision())) productOfFloats(g);
}

// A in float32, for where that is multiplied.
void productOfWidened(const Gemm& g) {
  const int64_t count = g.strideA == 0 ? g.M * g.K : (g.batch - 1) * g.strideA + g.M * g.K;
  Scratch<float> A(count);
  widenRows(g.halfA, A, {1, 1, count, count, 0, count});
  Gemm widened = g;
  widened.A = A;
  widened.halfA = nullptr;
  productInFloat(widened);
}

}  // namespace

void product(const Gemm& g) {
  if (g.batch == 0 || g.M == 0 || g.N == 0) return;
  if (stream().precision() == Precision::bf16) productInBf16(g);
  else if (g.halfA != nullptr) productOfWidened(g);
  else productInFloat(g);
  finish(g);
}

void productOps(OpTable& table) {
  table.push_back({"MatMul", [](const Launch& l) { product(matMulOf(l, false, false)); }});
  // With one side in bfloat16, or both.
  table.push_back({"MatMul/bf16", [](const Launch& l) { product(matMulOf(l, false, true)); }});
  table.push_back({"MatMul/bf16a", [](const Launch& l) { product(matMulOf(l, true, false)); }});
  table.push_back({"MatMul/bf16ab", [](const Launch& l) { product(matMulOf(l, true, true)); }});
}

}  // namespace cuda
}  // namespace brevity
#endif
