// Results that are kept in bfloat16 because only products read them, and products that read them in place: the same
// bits as from float32, which the products would have rounded.
#include <cmath>

#include "../cuda.h"
#include "compare.h"

using brevity::cuda::Precision;

namespace {

Floats widened(const Halves& x) {
  Floats y;
  for (const uint16_t bits : x) y.push_back(valueOf(bits));
  return y;
}

// Compares `op`'s last `outputs` buffers of n floats with the bfloat16 results of its form.
void compareForms(const std::string& op, const std::vector<Argument>& inputs, int outputs, int64_t n, const Params& params) {
  if (cpuOnly) return;  // the cpu device does not round products, and has no such forms
  std::vector<Argument> plain = inputs, half = inputs;
  for (int i = 0; i < outputs; i++) {
    plain.push_back(outFloats(n));
    half.push_back(outHalves(n));
  }
  const auto expected = runEmulated(op, plain, params, Precision::bf16);
  const auto actual = runEmulated(op + ">bf16", half, params, Precision::bf16);
  if (fake) return;
  for (size_t i = inputs.size(); i < plain.size(); i++) {
    Halves rounded;
    for (const float x : floatsOf(expected[i])) rounded.push_back(static_cast<uint16_t>(bf16Bits(x)));
    CHECK(actual[i].size() == rounded.size() * 2);
    CHECK(rounded.empty() || std::memcmp(actual[i].data(), rounded.data(), actual[i].size()) == 0);
  }
}

}  // namespace

TEST(resultsThatAreOnlyMultiplied) {
  Random random(61);
  for (const int64_t N : {0, 3, 70}) {
    const int64_t D = 37, n = N * D;
    const Argument x = in(random.floats(n, 3)), w = in(random.floats(D, 2)), b = in(random.floats(D));
    compareForms("RmsNorm", {x, w}, 1, n, {double(N), double(D), 1e-5});
    compareForms("LayerNorm", {x, w, b}, 1, n, {double(N), double(D), 1e-5});
  }
  for (const int64_t n : {0, 5, 4500, 4504}) {
    const Argument x = in(random.floats(n, 8)), u = in(random.floats(n, 3)), dy = in(random.floats(n));
    compareForms("Swiglu", {x, u}, 1, n, {double(n)});
    compareForms("SwigluGrad", {x, u, dy}, 2, n, {double(n)});
    compareForms("Gelu", {x}, 1, n, {double(n)});
    compareForms("GeluTanh", {x}, 1, n, {double(n)});
  }
}

TEST(productsWithAHalfLeftSide) {
  if (cpuOnly) return;
  Random random(62);
  struct Shape {
    int64_t batch, M, N, K;
  };
  const Shape shapes[] = {{1, 1, 1, 1}, {1, 65, 67, 33}, {3, 17, 9, 5}, {1, 16, 24, 40}, {1, 5, 6, 0}, {2, 0, 6, 7}};
  for (const bool byLibrary : {false, true})
    for (const Precision precision : {Precision::bf16, Precision::tf32, Precision::fp32})
      for (const auto& [batch, M, N, K] : shapes)
        for (const int transA : {0, 1})
          for (const int transB : {0, 1})
            for (const bool both : {false, true}) {
              const Halves a = random.halves(batch * M * K), b = random.halves(batch * K * N);
              const Params params = {double(batch), double(M * K), double(K * N), double(M), double(N), double(K),
                                     double(transA), double(transB), 0, 0, 0};
              const int64_t n = batch * M * N;
              library = byLibrary;
              const auto actual = runEmulated(both ? "MatMul/bf16ab" : "MatMul/bf16a",
                                              {in(a), both ? in(b) : in(widened(b)), outFloats(n)}, params, precision);
              const auto expected =
                  runEmulated("MatMul", {in(widened(a)), in(widened(b)), outFloats(n)}, params, precision);
              library = false;
              if (!fake) CHECK(actual[2] == expected[2]);
            }
}
