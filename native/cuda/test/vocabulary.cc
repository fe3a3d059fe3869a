// Token log-probabilities, sampling and the optimizer.
#include <algorithm>

#include "compare.h"

using brevity::cuda::Precision;

TEST(tokenLogProbabilities) {
  Random random(51);
  struct Shape {
    int64_t N, D, V;
  };
  // The third has two tiles of tokens, the last two of rows.
  std::vector<Shape> shapes = {{1, 1, 1}, {5, 7, 130}, {2, 3, 8200}, {0, 3, 5}};
  if (large) shapes.push_back({4100, 2, 3});
  for (const auto& [N, D, V] : shapes)
    for (const double transposed : {0, 1}) {
      const Params params = {double(N), double(D), double(V), transposed};
      const Argument hidden = in(random.floats(N * D, 2)), head = in(random.floats(D * V, 2)),
                     targets = in(random.ints(N, V)), dy = in(random.floats(N));
      const std::vector<Argument> forward = {hidden, head, targets, outFloats(N), outFloats(N), outFloats(N)};
      compare("TokenLogProbs", forward, params, 3e-6);
      const auto results = runCpu("TokenLogProbs", forward, params);
      const Argument most = in(floatsOf(results[4])), sum = in(floatsOf(results[5]));
      for (const double trainsHead : {0, 1}) {
        Params all = params;
        all.push_back(trainsHead);
        std::vector<Argument> backward = {hidden, head, targets, most, sum, dy, outFloats(N * D)};
        if (trainsHead != 0) backward.push_back(outFloats(D * V));
        compare("TokenLogProbsGrad", backward, all, 1e-5);
      }
      // A frozen head.
      const Argument half = in(random.halves(D * V, 2));
      std::vector<Argument> frozen = forward, frozenBackward = {hidden, half, targets, most, sum, dy, outFloats(N * D)};
      frozen[1] = half;
      compare("TokenLogProbs/bf16", frozen, params, 3e-6);
      const auto stats = runCpu("TokenLogProbs/bf16", frozen, params);
      frozenBackward[3] = in(floatsOf(stats[4]));
      frozenBackward[4] = in(floatsOf(stats[5]));
      Params untrained = params;
      untrained.push_back(0);
      compare("TokenLogProbsGrad/bf16", frozenBackward, untrained, 1e-5);
      untrained.back() = 1;
      if (!fake && !cpuOnly)
        CHECK_THROWS(runEmulated("TokenLogProbsGrad/bf16", frozenBackward, untrained, Precision::fp32), "frozen head");
    }
  if (!fake && !cpuOnly)
    CHECK_THROWS(runEmulated("TokenLogProbs",
                           {in(random.floats(4)), in(random.floats(6)), in(Ints{1, -1}), outFloats(2), outFloats(2),
                            outFloats(2)},
                           {2, 2, 3, 0}, Precision::fp32),
               "TokenLogProbs has a target outside of the vocabulary: -1");
}

TEST(optimizer) {
  Random random(52);
  // More tensors than fit into one launch.
  for (const int64_t count : {1, 3, 70}) {
    std::vector<Argument> arguments, squares;
    Params params = {double(count), 0.01, 0.9, 0.95, 1e-8, 0.1, 0.05, 0.7}, sizes = {double(count)};
    for (int64_t i = 0; i < count; i++) {
      const int64_t n = count == 3 ? (i == 0 ? 4500 : i) : 5 + i % 7;
      Floats v = random.floats(n);
      for (float& x : v) x = std::fabs(x);
      const Floats grad = random.floats(n);
      for (const Argument& a : {inOut(random.floats(n)), in(grad), inOut(random.floats(n)), inOut(v)})
        arguments.push_back(a);
      squares.push_back(in(grad));
      params.push_back(double(n));
      params.push_back(i % 2 == 0 ? 0.1 : 0);
      sizes.push_back(double(n));
    }
    compare("AdamW", arguments, params, 1e-6);
    squares.push_back(outDoubles(count));
    compare("SumOfSquares", squares, sizes, 1e-7);
  }
}

TEST(sampling) {
  Random random(53);
  struct Settings {
    double temperature, topP, topK, minP;
  };
  const Settings settings[] = {{1, 1, 0, 0},     {0, 1, 0, 0},     {0.7, 0.9, 0, 0}, {1, 1, 5, 0},
                               {1, 1, 0, 0.05}, {1.3, 0.8, 20, 0.01}, {1, 0.5, 1, 0}, {0.01, 0.99, 0, 0}};
  // The last has several pieces, one of them without a drawable token.
  for (const int64_t V : {1, 50, 1003, 17000}) {
    const int64_t B = V > 8192 ? 3 : 6;
    for (const Settings& s : settings) {
      Floats logits = random.floats(B * V, 6);
      // Ties, including at the top.
      for (int64_t i = 0; i + 7 < V; i += 5) logits[V + i] = logits[V + i + 7];
      if (V > 8192)
        for (int64_t i = 8192; i < 16384; i++) logits[V + i] = logits[2 * V + i] = -INFINITY;
      Doubles uniforms(B);
      for (double& u : uniforms) u = random.uniform();
      uniforms[0] = 0;
      uniforms[1] = 0.9999999999;
      const Params params = {double(B), double(V), s.temperature, s.topP, s.topK, s.minP, 1};
      compare("SampleTokens", {in(logits), in(uniforms), outInts(B), outFloats(B)}, params, 3e-6);
    }
  }
  const int64_t B = 3;
  for (const int64_t V : {40, 9000}) {
    Floats likely = random.floats(B * V, 3);
    // Seen, and likely enough for the penalty to change all tokens' weights.
    likely[3] = likely[7] = likely[2 * V] = 6;
    const Argument logits = in(likely), uniforms = in(Doubles{0.2, 0.5, 0.99});
    const Argument seen = in(Ints{3, 7, 39, 0, 1}), starts = in(Ints{0, 3, 3, 5});
    for (const double temperature : {0.0, 1.0, 0.6})
      compare("SampleTokens", {logits, uniforms, outInts(B), outFloats(B), seen, starts},
              {double(B), double(V), temperature, 0.9, 0, 0, 1.4}, 3e-6);
  }
  // Tokens that differ only in their last bits.
  Floats close(50, 0.0f);
  for (int i = 0; i < 8; i++) close[static_cast<size_t>(40 - i)] = 1 + static_cast<float>(i) * 0x1p-23f;
  for (const double topK : {1, 2, 3, 4, 5, 6, 7})
    compare("SampleTokens", {in(close), in(Doubles{0.999}), outInts(1), outFloats(1)}, {1, 50, 1, 1, topK, 0, 1}, 3e-6);
}
