// Matrix products, in float32 and on (emulated) tensor cores.
#include <cstring>

#include "../cuda.h"
#include "../mma.h"
#include "compare.h"

using brevity::cuda::Precision;

namespace {

struct Shape {
  int64_t batch, M, N, K;
  bool shareA, shareB;
};

// In all transpositions, with and without bias; alternates activations. `round` rounds operands as the device does.
template <typename F>
void products(const Shape& s, Precision precision, double tolerance, F round) {
  Random random(31);
  int activation = 0;
  for (const int transA : {0, 1})
    for (const int transB : {0, 1})
      for (const int bias : {0, 1}) {
        Floats a = random.floats((s.shareA ? 1 : s.batch) * s.M * s.K), b = random.floats((s.shareB ? 1 : s.batch) * s.K * s.N);
        const Params params = {double(s.batch), s.shareA ? 0.0 : double(s.M * s.K), s.shareB ? 0.0 : double(s.K * s.N),
                               double(s.M), double(s.N), double(s.K), double(transA), double(transB), double(bias),
                               double(bias == 0 ? 0 : activation++ % 9), 0.2};
        // The cpu device multiplies rounded operands, so that only the order of sums differs.
        for (float& v : a) v = round(v);
        for (float& v : b) v = round(v);
        std::vector<Argument> arguments = {in(a), in(b)};
        if (bias) arguments.push_back(in(random.floats(s.N)));
        arguments.push_back(outFloats(s.batch * s.M * s.N));
        compare("MatMul", arguments, params, tolerance, precision);
      }
}

float same(float x) { return x; }
float toBf16(float x) { return __uint_as_float(bf16Bits(x) << 16); }

const Shape kShapes[] = {{1, 1, 1, 1, false, false},    {1, 65, 67, 33, false, false}, {1, 3, 130, 70, false, false},
                         {3, 17, 9, 5, false, false},   {3, 9, 17, 20, true, false},   {3, 9, 17, 20, false, true},
                         {1, 5, 6, 0, false, false},    {0, 5, 6, 7, false, false},    {2, 0, 6, 7, false, false},
                         {3, 16, 24, 8, false, true}};  // in packs of eight

}  // namespace

TEST(productsInFloat32) {
  for (const Shape& shape : kShapes) products(shape, Precision::fp32, 2e-6, same);
  if (large) products({1, 200, 150, 300, false, false}, Precision::fp32, 5e-6, same);
}

TEST(productsInBf16) {
  for (const Shape& shape : kShapes) products(shape, Precision::bf16, 3e-6, toBf16);
  // Large tiles in several stages and batches, and more rows of tiles than are processed together.
  for (const Shape& shape : {Shape{2, 130, 136, 100, false, false}, Shape{1, 1100, 140, 9, false, false}})
    products(shape, Precision::bf16, 3e-6, toBf16);
  if (large) products({1, 200, 150, 300, false, false}, Precision::bf16, 5e-6, toBf16);
}

TEST(productsInTf32) {
  for (const Shape& shape : kShapes) products(shape, Precision::tf32, 3e-6, tf32Of);
}

TEST(productsByALibrary) {
  library = true;
  for (const Shape& shape : kShapes) {
    products(shape, Precision::fp32, 2e-6, same);
    products(shape, Precision::bf16, 2e-6, toBf16);
  }
  library = false;
}

// A frozen right operand in bfloat16: no precision rounds it, and A has no more digits than the precision.
TEST(productsWithAHalfRightSide) {
  Random random(33);
  std::vector<Shape> shapes(std::begin(kShapes), std::end(kShapes));
  shapes.push_back({1, 3, 16, 24, false, false});  // rows that a library reads in place
  if (large) shapes.push_back({1, 200, 152, 296, false, false});
  for (const bool byLibrary : {false, true})
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16})
      for (const Shape& s : shapes)
        for (const int transA : {0, 1})
          for (const int transB : {0, 1}) {
            library = byLibrary;
            Floats a = random.floats((s.shareA ? 1 : s.batch) * s.M * s.K);
            for (float& v : a) v = toBf16(v);
            const Params params = {double(s.batch), s.shareA ? 0.0 : double(s.M * s.K),
                                   s.shareB ? 0.0 : double(s.K * s.N), double(s.M), double(s.N), double(s.K),
                                   double(transA), double(transB), double(transA), double(transA), 0.2};
            std::vector<Argument> arguments = {in(a), in(random.halves((s.shareB ? 1 : s.batch) * s.K * s.N))};
            if (transA) arguments.push_back(in(random.floats(s.N)));
            arguments.push_back(outFloats(s.batch * s.M * s.N));
            compare("MatMul/bf16", arguments, params, 5e-6, precision);
          }
  library = false;
}

// Operands that products would round may be stored rounded: the same bits.
TEST(aRightSideThatIsKeptRounded) {
  if (fake || cpuOnly) return;
  Random random(34);
  for (const bool byLibrary : {false, true}) {
    library = byLibrary;
    const Floats a = random.floats(21 * 40), b = random.floats(40 * 24);
    Halves kept;
    for (const float v : b) kept.push_back(static_cast<uint16_t>(bf16Bits(v)));
    for (const double transB : {0, 1}) {
      const Params params = {1, 0, 0, 21, 24, 40, 0, transB, 0, 0, 0};
      const auto rounded = runEmulated("MatMul", {in(a), in(b), outFloats(504)}, params, Precision::bf16);
      const auto frozen = runEmulated("MatMul/bf16", {in(a), in(kept), outFloats(504)}, params, Precision::bf16);
      CHECK(rounded[2] == frozen[2]);
    }
  }
  library = false;
}

TEST(narrowAndWiden) {
  Random random(35);
  for (const int64_t n : {0, 1, 1000}) {
    Floats x = random.floats(n, 1e4);
    if (n > 4) {
      x[0] = NAN;
      x[1] = INFINITY;
      x[2] = -0.0f;
      x[3] = 3.4e38f;
      x[4] = 1e-40f;
    }
    compare("Narrow", {in(x), outHalves(n)}, {double(n)});
    compare("Widen", {in(random.halves(n, 100)), outFloats(n)}, {double(n)});
  }
}

TEST(unroundedOperandsAreRounded) {
  if (fake || cpuOnly) return;
  Random random(32);
  const Floats a = random.floats(20 * 40), b = random.floats(40 * 24);
  Floats ra = a, rb = b;
  for (float& v : ra) v = toBf16(v);
  for (float& v : rb) v = toBf16(v);
  const Params params = {1, 0, 0, 20, 24, 40, 0, 0, 0, 0, 0};
  const auto rough = runEmulated("MatMul", {in(a), in(b), outFloats(480)}, params, Precision::bf16);
  const auto rounded = runEmulated("MatMul", {in(ra), in(rb), outFloats(480)}, params, Precision::bf16);
  CHECK(rough[2] == rounded[2]);
}

TEST(roundings) {
  // Ties to even: 1 + 2⁻⁸ lies between 1 and 1 + 2⁻⁷.
  CHECK(toBf16(1.00390625f) == 1.0f);
  CHECK(toBf16(1.01171875f) == 1.015625f);
  CHECK(toBf16(1.0039064f) == 1.0078125f);
  CHECK(toBf16(-INFINITY) == -INFINITY);
  CHECK(std::isnan(toBf16(NAN)));
  CHECK(toBf16(3.4e38f) == INFINITY);
  // Ties away from zero: 1 + 2⁻¹¹ lies between 1 and 1 + 2⁻¹⁰.
  CHECK(tf32Of(1.00048828125f) == 1.0009765625f);
  CHECK(tf32Of(-1.00048828125f) == -1.0009765625f);
  CHECK(tf32Of(1.0004f) == 1.0f);
  CHECK(std::isnan(tf32Of(NAN)));
}
