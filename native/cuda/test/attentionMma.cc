// Attention on (emulated) tensor cores.
#include <cmath>

#include "../cuda.h"
#include "compare.h"

using brevity::cuda::Precision;

namespace {

// Rounds inputs as the device would, so that the cpu device computes from the same values.
Floats rounded(Floats x) {
  for (float& v : x) v = __uint_as_float(bf16Bits(v) << 16);
  return x;
}

struct Shape {
  int64_t B, T, H, K, d, window;
  int64_t N() const { return B * T; }
  int64_t queries() const { return N() * H * d; }
  int64_t keys() const { return N() * K * d; }
  Params params(double scale) const {
    return {double(B), double(T), double(H), double(K), double(d), scale, double(window)};
  }
};

// Two prompts with two responses each, one of them empty; rows 3 and 4 and the last two are in no segment. Prefixes end
// within a tile of keys, and one is part of a segment, one place short of a tile.
const Ints kTable = {0, 3, 0, 0, 5, 130, 0, 3, 135, 0, 0, 3, 135, 70, 0, 0, 205, 37, 135, 70, 242, 66, 140, 62};
constexpr int64_t kPackedRows = 310, kSegments = 6;

}  // namespace

TEST(attentionOnTensorCores) {
  Random random(51);
  std::vector<Shape> shapes = {{1, 1, 1, 1, 1, 0},    {2, 5, 2, 1, 4, 0},   {1, 64, 1, 1, 64, 0}, {1, 130, 2, 1, 7, 0},
                               {1, 150, 1, 1, 16, 70}, {2, 70, 2, 2, 65, 9}, {0, 5, 2, 2, 4, 0},   {1, 66, 1, 1, 128, 0}};
  if (large) shapes.insert(shapes.end(), {{2, 200, 4, 2, 64, 0}, {1, 300, 3, 1, 80, 100}, {1, 200, 2, 1, 128, 65}});
  for (const Shape& s : shapes) {
    const Params params = s.params(1 / std::sqrt(double(s.d)));
    const Argument q = in(rounded(random.floats(s.queries(), 2))), k = in(rounded(random.floats(s.keys(), 2))),
                   v = in(rounded(random.floats(s.keys()))), dy = in(rounded(random.floats(s.queries())));
    // Weights are rounded to 8 bits before they multiply the values.
    const std::vector<Argument> forward = {q, k, v, outFloats(s.queries()), outFloats(s.N() * s.H)};
    compare("Attention", forward, params, 4e-3, Precision::bf16);
    const auto made = runCpu("Attention", forward, params);
    compare("AttentionGrad",
            {q, k, v, in(floatsOf(made[3])), in(floatsOf(made[4])), dy, outFloats(s.queries()), outFloats(s.keys()),
             outFloats(s.keys())},
            params, 1e-2, Precision::bf16);
  }
}

TEST(packedAttentionOnTensorCores) {
  Random random(52);
  for (const int64_t window : {0, 7, 100}) {
    const int64_t H = 2, K = 1, d = window == 7 ? 72 : 8, queries = kPackedRows * H * d, keys = kPackedRows * K * d;
    const Params params = {double(kPackedRows), double(H), double(K), double(d), 0.3, double(window), double(kSegments)};
    const Argument q = in(rounded(random.floats(queries, 2))), k = in(rounded(random.floats(keys, 2))),
                   v = in(rounded(random.floats(keys))), dy = in(rounded(random.floats(queries)));
    const std::vector<Argument> forward = {q, k, v, in(kTable), outFloats(queries), outFloats(kPackedRows * H)};
    compare("PackedAttention", forward, params, 4e-3, Precision::bf16);
    const auto made = runCpu("PackedAttention", forward, params);
    compare("PackedAttentionGrad",
            {q, k, v, in(kTable), in(floatsOf(made[4])), in(floatsOf(made[5])), dy, outFloats(queries), outFloats(keys),
             outFloats(keys)},
            params, 1.5e-2, Precision::bf16);
  }
}

// Zero queries weigh all keys equally: every weight is 1 before the division by their sum, and values are whole
// numbers, so nothing is rounded and a single extra or missing key shows.
TEST(whoSeesWhomOnTensorCores) {
  Random random(53);
  for (const int64_t window : {0, 1, 63, 64, 65, 130}) {
    const int64_t d = 3, n = kPackedRows * d;
    Floats v(n);
    for (size_t i = 0; i < v.size(); i++) v[i] = static_cast<float>(i * 37 % 251) - 125;
    compare("PackedAttention",
            {in(Floats(n, 0)), in(rounded(random.floats(n))), in(v), in(kTable), outFloats(n), outFloats(kPackedRows)},
            {double(kPackedRows), 1, 1, double(d), 1, double(window), double(kSegments)}, 1e-6, Precision::bf16);
  }
}

// Heads that are too large for the tensor cores' kernels use the plain ones, whose products are in float32.
TEST(wideHeadsInBf16) {
  Random random(54);
  const Shape s{1, 20, 1, 1, 136, 0};
  compare("Attention",
          {in(random.floats(s.queries(), 2)), in(random.floats(s.keys(), 2)), in(random.floats(s.keys())),
           outFloats(s.queries()), outFloats(s.N() * s.H)},
          s.params(0.1), 3e-6, Precision::bf16);
}
