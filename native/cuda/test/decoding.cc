// One-token attention over a cache: chunks of 256 keys, tiles of up to eight query heads.

#include "compare.h"

namespace {

struct Decoding {
  int64_t H, K, d, capacity, window;
  Ints lengths;  // one per row
  // Prefixes, if any: each row's prefix, and the prefixes' lengths.
  int64_t prefixCapacity = 0;
  Ints prefixOf = {}, prefixLengths = {};

  int64_t B() const { return static_cast<int64_t>(lengths.size()); }
  int64_t P() const { return static_cast<int64_t>(prefixLengths.size()); }
  const char* op() const { return P() > 0 ? "PrefixAttentionDecode" : "AttentionDecode"; }
  Params params() const {
    Params all = {double(B()),      double(H),  double(K), double(d), double(capacity), 1 / std::sqrt(double(d)),
                  double(window)};
    if (P() > 0) all.insert(all.end(), {double(P()), double(prefixCapacity)});
    return all;
  }
};

struct Data {
  Floats q, k, v, keys, values, prefixKeys, prefixValues;
  Data(const Decoding& s, Random& random)
      : q(random.floats(s.B() * s.H * s.d, 2)),
        k(random.floats(s.B() * s.K * s.d)),
        v(random.floats(s.B() * s.K * s.d)),
        keys(random.floats(s.B() * s.K * s.capacity * s.d)),
        values(random.floats(s.B() * s.K * s.capacity * s.d)),
        prefixKeys(random.floats(s.P() * s.K * s.prefixCapacity * s.d)),
        prefixValues(random.floats(s.P() * s.K * s.prefixCapacity * s.d)) {}
};

std::vector<Argument> arguments(const Decoding& s, const Data& x) {
  std::vector<Argument> all = {in(x.q), in(x.k), in(x.v), inOut(x.keys), inOut(x.values), in(s.lengths)};
  if (s.P() > 0)
    all.insert(all.end(), {in(x.prefixKeys), in(x.prefixValues), in(s.prefixOf), in(s.prefixLengths)});
  all.push_back(outFloats(s.B() * s.H * s.d));
  return all;
}

void compareDecoding(const Decoding& s, Random& random) {
  compare(s.op(), arguments(s, Data(s, random)), s.params(), 3e-6);
}

Floats rowOf(const Floats& x, int64_t row, int64_t rows) {
  const int64_t n = static_cast<int64_t>(x.size()) / rows;
  return Floats(x.begin() + row * n, x.begin() + (row + 1) * n);
}

Floats outOf(const Decoding& s, const Data& x) {
  return floatsOf(runEmulated(s.op(), arguments(s, x), s.params(), brevity::cuda::Precision::fp32).back());
}

}  // namespace

TEST(decoding) {
  Random random(45);
  for (const Decoding& s : {Decoding{1, 1, 1, 1, 0, {0}}, Decoding{4, 2, 8, 20, 0, {0, 19, 7}},
                            Decoding{2, 2, 4, 300, 50, {299, 20}}, Decoding{2, 1, 200, 10, 0, {3}}})
    compareDecoding(s, random);
  compare("FillCache", {in(random.floats(2 * 5 * 3 * 4)), inOut(random.floats(2 * 3 * 9 * 4))}, {2, 5, 3, 4, 9});
  if (!fake && !cpuOnly)
    CHECK_THROWS(outOf({1, 1, 2, 4, 0, {4}}, Data({1, 1, 2, 4, 0, {4}}, random)),
                 "AttentionDecode has no room left in its cache: position 4 of 4");
}

// Every kernel: groups of query heads with heads of all sizes, over one chunk and over several.
TEST(decodingGroups) {
  Random random(48);
  struct Heads {
    int64_t H, K, d;
  };
  for (const auto& [H, K, d] : {Heads{2, 2, 64}, Heads{3, 1, 80}, Heads{8, 2, 128}, Heads{14, 2, 64}, Heads{8, 1, 80},
                                Heads{14, 1, 16}, Heads{7, 1, 5}, Heads{9, 1, 256}, Heads{1, 1, 256}, Heads{2, 1, 255}})
    for (const int64_t window : {0, 200, 300})
      compareDecoding({H, K, d, 560, window, {0, 559, 255, 256}}, random);
}

TEST(decodingAfterAPrompt) {
  Random random(47);
  // Windows that begin within a chunk of the prefix, at its last key, and in the row's own keys.
  for (const int64_t window : {0, 9, 20, 300, 520})
    for (const int64_t d : {6, 64})
      compareDecoding({6, 2, d, 20, window, {0, 19, 7, 3, 19}, 540, {1, 0, -1, 1, 1}, {5, 540}}, random);
  compareDecoding({4, 2, 6, 20, 0, {0, 19, 7}, 140, {1, 0, -1}, {5, 140}}, random);
  if (fake || cpuOnly) return;
  const Decoding noPrompt{1, 1, 4, 4, 0, {0}, 3, {2}, {3, 1}}, longPrompt{1, 1, 4, 4, 0, {0}, 3, {1}, {3, 4}};
  CHECK_THROWS(outOf(noPrompt, Data(noPrompt, random)), "PrefixAttentionDecode has a row of no prompt");
  CHECK_THROWS(outOf(longPrompt, Data(longPrompt, random)), "a prompt beyond its cache: 1");
}

TEST(decodingRowsAlone) {
  if (fake || cpuOnly) return;
  Random random(49);
  for (const int64_t window : {0, 300}) {
    const Decoding s{7, 1, 64, 600, window, {0, 599, 130, 256}, 300, {0, 1, -1, 1}, {40, 300}};
    const Data x(s, random);
    const Floats together = outOf(s, x);
    for (int64_t row = 0; row < s.B(); row++) {
      Decoding one = s;
      one.lengths = {s.lengths[static_cast<size_t>(row)]};
      one.prefixOf = {s.prefixOf[static_cast<size_t>(row)]};
      Data alone = x;
      for (Floats Data::*part : {&Data::q, &Data::k, &Data::v, &Data::keys, &Data::values})
        alone.*part = rowOf(x.*part, row, s.B());
      CHECK(outOf(one, alone) == rowOf(together, row, s.B()));
    }
  }
}

// A single chunk gives the same bits whether its own kernel or the joining kernel finishes the row.
TEST(decodingCapacities) {
  if (fake || cpuOnly) return;
  Random random(50);
  const Decoding narrow{4, 1, 32, 256, 0, {200}};
  Decoding wide = narrow;
  wide.capacity = 700;
  const Data x(narrow, random);
  Data padded = x;
  padded.keys.resize(static_cast<size_t>(wide.capacity * wide.d), NAN);
  padded.values.resize(static_cast<size_t>(wide.capacity * wide.d), NAN);
  CHECK(outOf(narrow, x) == outOf(wide, padded));
}
