// The fused ops of a transformer's forward and backward pass.

#include "compare.h"

TEST(norms) {
  Random random(41);
  struct Shape {
    int64_t N, D;
  };
  std::vector<Shape> shapes = {{1, 1}, {3, 37}, {130, 5}, {2, 700}, {0, 4}};
  if (large) shapes.push_back({200, 1024});
  for (const auto& [N, D] : shapes) {
    const int64_t n = N * D;
    const Params params = {double(N), double(D), 1e-5};
    const Floats x = random.floats(n, 3), w = random.floats(D, 2), b = random.floats(D), dy = random.floats(n);
    compare("RmsNorm", {in(x), in(w), outFloats(n)}, params, 2e-6);
    compare("RmsNormGrad", {in(x), in(w), in(dy), outFloats(n), outFloats(D)}, params, 1e-5);
    compare("LayerNorm", {in(x), in(w), in(b), outFloats(n)}, params, 3e-6);
    // The variance of a row of one element is 0, so its gradient is divided by eps alone.
    compare("LayerNormGrad", {in(x), in(w), in(dy), outFloats(n), outFloats(D), outFloats(D)}, params, D == 1 ? 1e-3 : 1e-5);
  }
}

TEST(rotaryEmbedding) {
  Random random(42);
  for (const int64_t half : {0, 3, 4}) {
    const int64_t N = 70, heads = 3, d = 8, rows = 20, n = N * heads * d;
    for (const double sign : {1, -1})
      compare("Rope",
              {in(random.floats(n)), in(random.ints(N, rows)), in(random.floats(rows * half)),
               in(random.floats(rows * half)), outFloats(n)},
              {double(N), double(heads), double(d), double(half), double(rows), sign}, 1e-6);
  }
  if (!fake && !cpuOnly)
    CHECK_THROWS(runEmulated("Rope",
                           {in(random.floats(8)), in(Ints{0, 5}), in(random.floats(8)), in(random.floats(8)), outFloats(8)},
                           {2, 1, 4, 2, 4, 1}, brevity::cuda::Precision::fp32),
               "Rope has a position beyond its tables: 5");
}

TEST(activations) {
  Random random(43);
  // Only packs of four, with elements left over, and fewer than four; more than one pass of the grid.
  for (const int64_t n : {4500, 16390, 3, 0}) {
    const Params params = {double(n)};
    const Floats x = random.floats(n, 8), u = random.floats(n, 3), dy = random.floats(n);
    compare("Swiglu", {in(x), in(u), outFloats(n)}, params, 2e-6);
    compare("SwigluGrad", {in(x), in(u), in(dy), outFloats(n), outFloats(n)}, params, 2e-6);
    for (const std::string op : {"Gelu", "GeluTanh"}) {
      compare(op, {in(x), outFloats(n)}, params, 2e-6);
      compare(op + "Grad", {in(x), in(dy), outFloats(n)}, params, 2e-6);
    }
  }
}

TEST(attention) {
  Random random(44);
  struct Shape {
    int64_t B, T, H, K, d, window;
  };
  std::vector<Shape> shapes = {{1, 1, 1, 1, 1, 0},  {2, 5, 2, 1, 4, 0},  {1, 33, 2, 2, 7, 0},   {2, 40, 3, 1, 8, 0},
                               {1, 70, 2, 1, 16, 9}, {1, 33, 1, 1, 130, 0}, {0, 5, 2, 2, 4, 0}, {1, 20, 1, 1, 136, 5}};
  if (large) shapes.insert(shapes.end(), {{2, 200, 4, 2, 64, 0}, {1, 150, 2, 1, 128, 70}, {1, 64, 1, 1, 256, 0}});
  for (const Shape& s : shapes) {
    const int64_t N = s.B * s.T, queries = N * s.H * s.d, keys = N * s.K * s.d;
    const Params params = {double(s.B), double(s.T), double(s.H), double(s.K), double(s.d), 1 / std::sqrt(double(s.d)),
                           double(s.window)};
    const Argument q = in(random.floats(queries, 2)), k = in(random.floats(keys, 2)), v = in(random.floats(keys)),
                   dy = in(random.floats(queries));
    compare("Attention", {q, k, v, outFloats(queries), outFloats(N * s.H)}, params, 3e-6);
    const auto forward = runCpu("Attention", {q, k, v, outFloats(queries), outFloats(N * s.H)}, params);
    compare("AttentionGrad",
            {q, k, v, in(floatsOf(forward[3])), in(floatsOf(forward[4])), dy, outFloats(queries), outFloats(keys),
             outFloats(keys)},
            params, 1e-5);
  }
}

TEST(packedAttention) {
  Random random(46);
  // Two prompts with two responses each, one of them empty; rows 3 and 4 and the last are in no segment; a prefix that
  // is part of a segment.
  const int64_t N = 95;
  const Ints table = {0, 3, 0, 0, 5, 30, 0, 3, 35, 0, 0, 3, 35, 10, 0, 0, 45, 37, 35, 10, 82, 12, 36, 4};
  for (const int64_t window : {0, 7})
    for (const int64_t d : {8, 130}) {
      const int64_t H = d == 8 ? 4 : 1, K = d == 8 ? 2 : 1, queries = N * H * d, keys = N * K * d;
      const Params params = {double(N), double(H), double(K), double(d), 0.3, double(window), 6};
      const Argument q = in(random.floats(queries, 2)), k = in(random.floats(keys, 2)), v = in(random.floats(keys)),
                     dy = in(random.floats(queries));
      const std::vector<Argument> forward = {q, k, v, in(table), outFloats(queries), outFloats(N * H)};
      compare("PackedAttention", forward, params, 3e-6);
      const auto made = runCpu("PackedAttention", forward, params);
      compare("PackedAttentionGrad",
              {q, k, v, in(table), in(floatsOf(made[4])), in(floatsOf(made[5])), dy, outFloats(queries), outFloats(keys),
               outFloats(keys)},
              params, 1e-5);
    }
  if (!fake && !cpuOnly)
    CHECK_THROWS(runEmulated("PackedAttention",
                             {in(random.floats(8)), in(random.floats(8)), in(random.floats(8)), in(Ints{2, 3, 0, 0}),
                              outFloats(8), outFloats(4)},
                             {4, 1, 1, 2, 1, 0, 1}, brevity::cuda::Precision::fp32),
                 "PackedAttention has a segment beyond its rows");
}
