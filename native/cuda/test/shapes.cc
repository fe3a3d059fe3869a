// Ops that move elements, and reductions.
#include <limits>

#include "compare.h"

TEST(copies) {
  Random random(21);
  // width, offset in from, offset in to, rank, dims, strides in from, strides in to
  compare("Copy", {in(random.floats(300)), outFloats(300)}, {4, 0, 0, 1, 300, 1, 1});
  compare("Copy", {in(random.floats(6)), inOut(random.floats(20))}, {4, 0, 5, 2, 2, 3, 3, 1, 5, 1});
  compare("Copy", {in(random.floats(300)), outFloats(300)}, {4, 299, 0, 1, 300, -1, 1});
  compare("Copy", {in(random.floats(7)), outFloats(21)}, {4, 0, 0, 2, 3, 7, 0, 1, 7, 1});
  compare("Copy", {in(random.bytes(24)), outBytes(24)}, {1, 0, 0, 3, 2, 3, 4, 12, 4, 1, 1, 2, 6});
  compare("Copy", {in(Doubles{1, 2, 3, 4, 5, 6}), outDoubles(6)}, {8, 0, 0, 2, 2, 3, 3, 1, 1, 2});
  // Packs of four words: rows from wider ones, and in reverse; rows, and a first element, that begin within a pack.
  compare("Copy", {in(random.floats(64)), inOut(random.floats(70))}, {4, 4, 8, 2, 5, 8, 12, 1, 8, 1});
  compare("Copy", {in(random.floats(40)), outFloats(40)}, {4, 32, 0, 2, 5, 8, -8, 1, 8, 1});
  compare("Copy", {in(random.floats(40)), inOut(random.floats(50))}, {4, 0, 0, 2, 5, 8, 8, 1, 9, 1});
  compare("Copy", {in(random.floats(64)), inOut(random.floats(70))}, {4, 5, 8, 2, 5, 8, 12, 1, 8, 1});
  // Transpositions: 33 × 65, and three of 40 × 5.
  compare("Copy", {in(random.floats(33 * 65)), outFloats(33 * 65)}, {4, 0, 0, 2, 65, 33, 1, 65, 33, 1});
  compare("Copy", {in(random.floats(600)), outFloats(600)}, {4, 0, 0, 3, 3, 5, 40, 200, 1, 5, 200, 40, 1});
}

TEST(gathers) {
  Random random(22);
  compare("Gather", {in(random.floats(3 * 7 * 5)), in(random.ints(11, 7)), outFloats(3 * 11 * 5)}, {4, 1, 3, 7, 11, 5});
  compare("Gather", {in(random.bytes(7 * 5)), in(random.ints(11, 7)), outBytes(11 * 5)}, {1, 1, 1, 7, 11, 5});
  compare("Gather", {in(Doubles{1, 2, 3, 4}), in(random.ints(9, 4)), outDoubles(9)}, {8, 1, 1, 4, 9, 1});
  // Rows of whole packs, and rows that are not.
  for (const int64_t inner : {12, 5}) {
    const Params params = {4, 2, 3, 7, 11, double(inner)};
    const int64_t from = 2 * 3 * 7 * inner, to = 2 * 3 * 11 * inner;
    compare("Gather", {in(random.floats(from)), in(random.ints(2 * 11, 7)), outFloats(to)}, params);
    compare("Gather/bf16", {in(random.halves(from)), in(random.ints(2 * 11, 7)), outFloats(to)}, params);
  }
  compare("GatherNd", {in(random.floats(4 * 6 * 3)), in(Ints{0, 5, 3, 0, 2, 2}), outFloats(9)}, {4, 3, 3, 2, 4, 6});
  compare("GatherNd", {in(random.bytes(24)), in(Ints{0, 5, 3, 0, 2, 2}), outBytes(3)}, {1, 3, 1, 2, 4, 6});
  if (!fake && !cpuOnly)
    CHECK_THROWS(runEmulated("Gather", {in(random.floats(7)), in(Ints{3, 7}), outFloats(2)}, {4, 1, 1, 7, 2, 1},
                           brevity::cuda::Precision::fp32),
               "GatherV2: the index value 7 is not in [0, 6]");
  if (!fake && !cpuOnly)
    CHECK_THROWS(runEmulated("Gather/bf16", {in(random.halves(7)), in(Ints{3, 7}), outFloats(2)}, {4, 1, 1, 7, 2, 1},
                           brevity::cuda::Precision::fp32),
               "GatherV2: the index value 7 is not in [0, 6]");
}

TEST(scatters) {
  Random random(23);
  // Many rows with few ids; a row wider than a block; ids without rows.
  const Ints ids = random.ints(700, 9);
  compare("ScatterAdd", {in(random.floats(700 * 3)), in(ids), outFloats(12 * 3)}, {700, 3, 12}, 1e-6);
  compare("ScatterAdd", {in(random.floats(5 * 300)), in(Ints{2, 0, 2, -1, 9}), outFloats(4 * 300)}, {5, 300, 4}, 1e-6);
  compare("ScatterAdd", {in(Floats{}), in(Ints{}), outFloats(12)}, {0, 3, 4});
  compare("SegmentSum", {in(random.floats(700 * 2)), in(ids), outFloats(9 * 2)}, {700, 9, 2}, 1e-6);
  compare("SegmentSum/int32", {in(random.ints(700 * 2, 1000)), in(ids), outInts(9 * 2)}, {700, 9, 2});
  compare("ScatterNd", {in(Ints{0, 1, 2, 0, 0, 1}), in(random.floats(6)), outFloats(24)}, {3, 2, 2, 3, 4}, 1e-6);
  compare("ScatterNd/int32", {in(Ints{0, 1, 2, 0, 0, 1}), in(random.ints(3, 9)), outInts(12)}, {3, 1, 2, 3, 4});
  if (!fake && !cpuOnly)
    CHECK_THROWS(runEmulated("SegmentSum", {in(random.floats(2)), in(Ints{0, 4}), outFloats(4)}, {2, 4, 1},
                           brevity::cuda::Precision::fp32),
               "the index value 4 is not in [0, 3]");
}

TEST(folds) {
  Random random(24);
  struct Shape {
    int64_t outer, n, inner;
  };
  // Short rows, long rows, columns, columns in pieces, an empty axis, an empty tensor.
  std::vector<Shape> shapes = {{5, 3, 1}, {3, 1000, 1}, {1, 37, 11}, {2, 700, 3}, {3, 0, 2}, {0, 4, 1}};
  if (large) shapes.push_back({1, 150000, 1});
  for (const Shape& s : shapes) {
    const Params params = {static_cast<double>(s.outer), static_cast<double>(s.n), static_cast<double>(s.inner)};
    const int64_t size = s.outer * s.n * s.inner, results = s.outer * s.inner;
    Floats x = random.floats(size, 2);
    compare("Sum", {in(x), outFloats(results)}, params, 1e-6);
    compare("Mean", {in(x), outFloats(results)}, params, 1e-6);
    compare("Max", {in(x), outFloats(results)}, params);
    compare("Min", {in(x), outFloats(results)}, params);
    if (size > 0) {
      compare("ArgMax", {in(x), outInts(results)}, params);
      compare("ArgMin", {in(x), outInts(results)}, params);
      x[0] = NAN;
      if (size > 5) x[5] = NAN;
      compare("Max", {in(x), outFloats(results)}, params);
      compare("ArgMax", {in(x), outInts(results)}, params);
      compare("ArgMin", {in(x), outInts(results)}, params);
    }
    // Ties: the first wins.
    compare("ArgMax", {in(Floats(static_cast<size_t>(size), 1.0f)), outInts(results)}, params);
    Floats near(static_cast<size_t>(size));
    for (float& v : near) v = static_cast<float>(1 + 0.01 * (random.uniform() - 0.5));
    compare("Prod", {in(near), outFloats(results)}, params, 1e-6);
    const Ints whole = random.ints(size, 1000);
    for (const char* op : {"Sum/int32", "Prod/int32", "Max/int32", "Min/int32"})
      compare(op, {in(whole), outInts(results)}, params);
    compare("All", {in(random.bytes(size)), outBytes(results)}, params);
    compare("Any", {in(random.bytes(size)), outBytes(results)}, params);
  }
}

TEST(scans) {
  Random random(25);
  for (const double exclusive : {0, 1})
    for (const double reverse : {0, 1}) {
      const Params params = {3, 100, exclusive, reverse};
      compare("Cumsum", {in(random.floats(300)), outFloats(300)}, params, 1e-6);
      compare("Cumsum/int32", {in(random.ints(300, 9)), outInts(300)}, params);
      compare("Cumprod", {in(random.floats(300)), outFloats(300)}, params, 1e-6);
      compare("Cumprod/int32", {in(random.ints(300, 9)), outInts(300)}, params);
    }
}

TEST(largest) {
  Random random(26);
  compare("TopK", {in(random.floats(3 * 700)), outFloats(15), outInts(15)}, {3, 700, 5});
  compare("TopK", {in(Floats{1, 3, 3, 2, 1}), outFloats(5), outInts(5)}, {1, 5, 5});
  compare("TopK", {in(random.floats(9)), outFloats(0), outInts(0)}, {3, 3, 0});
}

TEST(softmaxes) {
  Random random(27);
  for (const int64_t V : {1, 37, 1000}) {
    const int64_t N = 3;
    const Params params = {static_cast<double>(N), static_cast<double>(V)};
    const Floats x = random.floats(N * V, 20), dy = random.floats(N);
    const Ints targets = random.ints(N, V);
    compare("Softmax", {in(x), outFloats(N * V)}, params, 1e-6);
    compare("LogSoftmax", {in(x), outFloats(N * V)}, params, 1e-6);
    compare("LogSoftmaxStats", {in(x), in(targets), outFloats(N), outFloats(N), outFloats(N)}, params, 2e-6);
    Floats most(3), sums(3);
    for (int r = 0; r < 3; r++) {
      most[r] = x[r * V];
      for (int64_t i = 0; i < V; i++) most[r] = std::fmax(most[r], x[r * V + i]);
      double sum = 0;
      for (int64_t i = 0; i < V; i++) sum += std::exp(double{x[r * V + i]} - most[r]);
      sums[r] = static_cast<float>(sum);
    }
    compare("LogSoftmaxGrad", {in(x), in(targets), in(most), in(sums), in(dy), outFloats(N * V)}, params, 1e-6);
  }
  if (!fake && !cpuOnly)
    CHECK_THROWS(runEmulated("LogSoftmaxStats",
                           {in(random.floats(6)), in(Ints{1, 3}), outFloats(2), outFloats(2), outFloats(2)}, {2, 3},
                           brevity::cuda::Precision::fp32),
               "LogSoftmaxStats has a target outside of the vocabulary: 3");
}
