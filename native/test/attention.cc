#include "check.h"

using namespace brevity;
using Doubles = std::vector<double>;

static double at(const Floats& x, int64_t i) { return static_cast<double>(x[static_cast<size_t>(i)]); }

struct Packed {
  int64_t N, H, K, d, window;
  Ints start, length, prefixStart, prefixLength;
};

struct Reference {
  Doubles out, lse, dq, dk, dv;
};

// Attention with all scores written out, in float64, and its gradient.
static Reference referenceOf(const Packed& c, const Floats& q, const Floats& k, const Floats& v, const Floats& dout) {
  auto size = [](int64_t n) { return static_cast<size_t>(n); };
  Reference r{Doubles(size(c.N * c.H * c.d)), Doubles(size(c.N * c.H)), Doubles(size(c.N * c.H * c.d)),
              Doubles(size(c.N * c.K * c.d)), Doubles(size(c.N * c.K * c.d))};
  double scale = 1 / std::sqrt(static_cast<double>(c.d));
  for (size_t s = 0; s < c.start.size(); s++)
    for (int64_t i = 0; i < c.length[s]; i++)
      for (int64_t h = 0; h < c.H; h++) {
        std::vector<int64_t> rows;
        for (int64_t j = 0; j < c.prefixLength[s]; j++) rows.push_back(c.prefixStart[s] + j);
        for (int64_t j = 0; j <= i; j++) rows.push_back(c.start[s] + j);
        if (c.window > 0 && static_cast<int64_t>(rows.size()) > c.window) rows.erase(rows.begin(), rows.end() - c.window);
        int64_t row = c.start[s] + i, qo = (row * c.H + h) * c.d, head = h / (c.H / c.K);
        Doubles p;
        double max = -INFINITY, sum = 0, delta = 0;
        for (int64_t j : rows) {
          double score = 0;
          for (int64_t x = 0; x < c.d; x++) score += at(q, qo + x) * at(k, (j * c.K + head) * c.d + x) * scale;
          p.push_back(score);
          max = std::fmax(max, score);
        }
        for (double& x : p) sum += x = std::exp(x - max);
        r.lse[size(row * c.H + h)] = max + std::log(sum);
        for (size_t j = 0; j < rows.size(); j++) {
          p[j] /= sum;
          for (int64_t x = 0; x < c.d; x++) {
            r.out[size(qo + x)] += p[j] * at(v, (rows[j] * c.K + head) * c.d + x);
            delta += p[j] * at(dout, qo + x) * at(v, (rows[j] * c.K + head) * c.d + x);
          }
        }
        for (size_t j = 0; j < rows.size(); j++) {
          int64_t ko = (rows[j] * c.K + head) * c.d;
          double dp = 0;
          for (int64_t x = 0; x < c.d; x++) dp += at(dout, qo + x) * at(v, ko + x);
          double ds = p[j] * (dp - delta) * scale;
          for (int64_t x = 0; x < c.d; x++) {
            r.dq[size(qo + x)] += ds * at(k, ko + x);
            r.dk[size(ko + x)] += ds * at(q, qo + x);
            r.dv[size(ko + x)] += p[j] * at(dout, qo + x);
          }
        }
      }
  return r;
}

static void compare(const Packed& c, bool strided) {
  Random random(static_cast<uint64_t>(c.N * 7 + c.d));
  Floats q = random.floats(c.N * c.H * c.d, 2), k = random.floats(c.N * c.K * c.d, 2), v = random.floats(c.N * c.K * c.d);
  Floats dout = random.floats(c.N * c.H * c.d);
  // q, k and v side by side, as one product gives them.
  int64_t width = (c.H + 2 * c.K) * c.d;
  Floats together;
  for (int64_t n = 0; n < c.N; n++) {
    together.insert(together.end(), q.begin() + n * c.H * c.d, q.begin() + (n + 1) * c.H * c.d);
    together.insert(together.end(), k.begin() + n * c.K * c.d, k.begin() + (n + 1) * c.K * c.d);
    together.insert(together.end(), v.begin() + n * c.K * c.d, v.begin() + (n + 1) * c.K * c.d);
  }
  Reference exact = referenceOf(c, q, k, v, dout);
  AttentionShape shape;
  shape.N = c.N, shape.H = c.H, shape.K = c.K, shape.d = c.d, shape.window = c.window;
  shape.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(c.d)));
  if (strided) shape.qStride = shape.kStride = shape.vStride = width;
  const float* qs = strided ? together.data() : q.data();
  const float* ks = strided ? together.data() + c.H * c.d : k.data();
  const float* vs = strided ? together.data() + (c.H + c.K) * c.d : v.data();
  bool prefixes = false;
  for (int32_t n : c.prefixLength) prefixes = prefixes || n > 0;
  AttentionSegments segments{static_cast<int64_t>(c.start.size()), c.start.data(), c.length.data(),
                             prefixes ? c.prefixStart.data() : nullptr, prefixes ? c.prefixLength.data() : nullptr};
  int64_t nq = c.N * c.H * c.d, nk = c.N * c.K * c.d, nl = c.N * c.H;
  everywhere(
      "attention of " + std::to_string(c.N) + " rows, d " + std::to_string(c.d) + ", window " + std::to_string(c.window),
      [&] {
        Floats out = blank(nq), lse = blank(nl), dq = blank(nq), dk = blank(nk), dv = blank(nk);
        attention(shape, segments, qs, ks, vs, out.data(), lse.data());
        attentionGrad(shape, segments, qs, ks, vs, out.data(), lse.data(), dout.data(), dq.data(), dk.data(), dv.data());
        return joined({out, lse, dq, dk, dv});
      },
      [&](const Floats& all) {
        CHECK_CLOSE(part(all, 0, nq), exact.out, 4e-6);
        CHECK_CLOSE(part(all, nq, nl), exact.lse, 4e-6);
        CHECK_CLOSE(part(all, nq + nl, nq), exact.dq, 2e-5);
        CHECK_CLOSE(part(all, 2 * nq + nl, nk), exact.dk, 2e-5);
        CHECK_CLOSE(part(all, 2 * nq + nl + nk, nk), exact.dv, 2e-5);
      });
}

TEST(attentionOverSegments) {
  compare({0, 2, 1, 8, 0, {}, {}, {}, {}}, false);
  compare({1, 1, 1, 1, 0, {0}, {1}, {0}, {0}}, false);
  compare({40, 4, 2, 16, 0, {0, 20}, {20, 20}, {0, 0}, {0, 0}}, false);
  compare({230, 2, 2, 20, 0, {0}, {230}, {0}, {0}}, true);
  compare({230, 3, 1, 32, 37, {0}, {230}, {0}, {0}}, false);
  // Rows that belong to no segment, and an empty one.
  compare({50, 2, 1, 48, 0, {3, 30, 31}, {20, 0, 15}, {0, 0, 0}, {0, 0, 0}}, false);
  // Two prompts with two and three responses.
  Packed shared{420, 6, 2, 64, 0, {0, 150, 190, 250, 270, 271, 340}, {150, 40, 60, 20, 1, 69, 80},
                {0, 0, 0, 0, 250, 250, 250}, {0, 150, 150, 0, 20, 20, 20}};
  compare(shared, true);
  shared.window = 45;
  compare(shared, false);
  // A prefix without queries of its own, and a prompt that all heads of one group see.
  compare({300, 4, 1, 24, 0, {140, 200}, {60, 100}, {0, 0}, {140, 140}}, false);
}

TEST(attentionDecodeOverCaches) {
  struct Case {
    int64_t B, H, K, d, window;
    bool prefixes;
  };
  for (Case c : {Case{0, 2, 2, 8, 0, false}, {1, 1, 1, 5, 0, false}, {4, 6, 2, 48, 0, true}, {5, 10, 2, 20, 0, true},
                 {5, 4, 4, 64, 33, true}, {3, 9, 3, 64, 0, false}}) {
    const int64_t capacity = 150, P = 2, prefixCapacity = 90;
    Random random(9);
    Floats keys = random.floats(c.B * c.K * capacity * c.d, 2), values = random.floats(c.B * c.K * capacity * c.d);
    Floats prefixKeys = random.floats(P * c.K * prefixCapacity * c.d, 2), prefixValues = random.floats(P * c.K * prefixCapacity * c.d);
    Floats q = random.floats(c.B * c.H * c.d, 2), k = random.floats(c.B * c.K * c.d, 2), v = random.floats(c.B * c.K * c.d);
    Ints lengths = random.ints(c.B, capacity), index = random.ints(c.B, P + 1), prefixLengths = {90, 31};
    for (int32_t& i : index) i--;
    if (c.B > 1) lengths[0] = 0, lengths[1] = capacity - 1;
    Doubles expected;
    for (int64_t b = 0; b < c.B; b++)
      for (int64_t h = 0; h < c.H; h++) {
        int64_t head = h / (c.H / c.K), mine = (b * c.K + head) * capacity, length = lengths[static_cast<size_t>(b)];
        int32_t prefix = c.prefixes ? index[static_cast<size_t>(b)] : -1;
        std::vector<const float*> ks, vs;
        for (int64_t j = 0; prefix >= 0 && j < prefixLengths[static_cast<size_t>(prefix)]; j++) {
          int64_t from = ((prefix * c.K + head) * prefixCapacity + j) * c.d;
          ks.push_back(prefixKeys.data() + from), vs.push_back(prefixValues.data() + from);
        }
        for (int64_t j = 0; j < length; j++) ks.push_back(keys.data() + (mine + j) * c.d), vs.push_back(values.data() + (mine + j) * c.d);
        ks.push_back(k.data() + (b * c.K + head) * c.d), vs.push_back(v.data() + (b * c.K + head) * c.d);
        size_t first = c.window > 0 && static_cast<int64_t>(ks.size()) > c.window ? ks.size() - static_cast<size_t>(c.window) : 0;
        Doubles p(ks.size()), out(static_cast<size_t>(c.d));
        double max = -INFINITY, sum = 0;
        for (size_t j = first; j < ks.size(); j++) {
          for (int64_t x = 0; x < c.d; x++) p[j] += at(q, (b * c.H + h) * c.d + x) * static_cast<double>(ks[j][x]) / std::sqrt(static_cast<double>(c.d));
          max = std::fmax(max, p[j]);
        }
        for (size_t j = first; j < ks.size(); j++) sum += p[j] = std::exp(p[j] - max);
        for (size_t j = first; j < ks.size(); j++)
          for (int64_t x = 0; x < c.d; x++) out[static_cast<size_t>(x)] += p[j] / sum * static_cast<double>(vs[j][x]);
        expected.insert(expected.end(), out.begin(), out.end());
      }
    everywhere(
        "attentionDecode",
        [&] {
          Floats cachedKeys = keys, cachedValues = values, out = blank(c.B * c.H * c.d);
          AttentionDecode s;
          s.B = c.B, s.H = c.H, s.K = c.K, s.d = c.d, s.capacity = capacity, s.window = c.window;
          s.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(c.d)));
          s.q = q.data(), s.k = k.data(), s.v = v.data(), s.keys = cachedKeys.data(), s.values = cachedValues.data();
          s.lengths = lengths.data(), s.out = out.data();
          if (c.prefixes) {
            s.prefixKeys = prefixKeys.data(), s.prefixValues = prefixValues.data(), s.prefixCapacity = prefixCapacity;
            s.prefixIndex = index.data(), s.prefixLengths = prefixLengths.data();
          }
          attentionDecode(s);
          for (int64_t b = 0; b < c.B; b++) {
            int64_t to = (b * c.K * capacity + lengths[static_cast<size_t>(b)]) * c.d;
            CHECK(part(cachedKeys, to, c.d) == part(k, b * c.K * c.d, c.d));
            CHECK(part(cachedValues, to, c.d) == part(v, b * c.K * c.d, c.d));
          }
          return out;
        },
        [&](const Floats& out) { CHECK_CLOSE(out, expected, 4e-6); });
  }
}

TEST(fillCacheTransposesHeads) {
  const int64_t B = 2, T = 5, K = 3, d = 7, capacity = 6;
  Random random(10);
  Floats x = random.floats(B * T * K * d);
  everywhere(
      "fillCache",
      [&] {
        Floats cache(static_cast<size_t>(B * K * capacity * d), 7.0f);
        fillCache(x.data(), cache.data(), B, T, K, d, capacity);
        return cache;
      },
      [&](const Floats& cache) {
        for (int64_t b = 0; b < B; b++)
          for (int64_t c = 0; c < K; c++)
            for (int64_t t = 0; t < capacity; t++)
              for (int64_t i = 0; i < d; i++)
                CHECK(at(cache, ((b * K + c) * capacity + t) * d + i) == (t < T ? at(x, ((b * T + t) * K + c) * d + i) : 7.0));
      });
}
