// Products of operands rounded to bfloat16, with each kind of instructions that this processor has, and with all others
// in plain C++ (shim/).
#include "../src/bf16.h"

#include <atomic>
#include <cstring>
#include <map>

#include "../src/elements/bf16.h"
#include "check.h"
#include "shim/rounding.h"

using namespace brevity;

std::atomic<int> configuredThreads{0};

#define SHIM(set)                                     \
  namespace brevity {                                 \
  namespace set {                                     \
  decltype(plain::gemmBf16) gemmBf16;                 \
  decltype(plain::tokenLogProbs) tokenLogProbs;       \
  decltype(plain::tokenLogProbsGrad) tokenLogProbsGrad; \
  }                                                   \
  }
SHIM(amx_shim)
SHIM(bfmmla_shim)
#undef SHIM

// Like everywhere(), for all instructions.
static void everyForm(const std::string& name, const std::function<Floats()>& compute,
                      const std::function<void(Bf16, const Floats&)>& check) {
  const auto run = [&](Bf16 form, const std::string& where) {
    onThreads(name + where, compute, [&](const Floats& out) { check(form, out); });
    context = name + where;
    CHECK(configuredThreads == 0);
  };
  for (Isa isa : allSets) {
    if (!setIsa(isa)) continue;
    for (Bf16 form : {Bf16::none, Bf16::avx512, Bf16::amx, Bf16::bfmmla})
      if (setBf16(form)) run(form, std::string(" on ") + isaName(isa) + ", instructions " + bf16Name(form));
  }
#define SHIM(set)                              \
  gemmBf16 = set::gemmBf16;                    \
  tokenLogProbs = set::tokenLogProbs;          \
  tokenLogProbsGrad = set::tokenLogProbsGrad
  SHIM(amx_shim);
  run(Bf16::amx, " on AMX in plain C++");
  SHIM(bfmmla_shim);
  run(Bf16::bfmmla, " on BFMMLA in plain C++");
#undef SHIM
  setIsa(bestIsa());
}

// start + Σ x(k)·y(k) as the instructions order and round it; `none` is the loop that does as AVX512-BF16 does.
template <class X, class Y>
static float sumOf(Bf16 form, float start, int64_t K, const X& x, const Y& y) {
  const auto product = [&](int64_t k) { return k < K ? x(k) * y(k) : 0.0f; };
  float sum = start;
  switch (form) {
    case Bf16::amx:
      for (int64_t from = 0; from < K; from += 32) {
        float even = 0, odd = 0;
        for (int64_t k = from; k < from + 32; k += 2) {
          even = even + product(k);
          odd = odd + product(k + 1);
        }
        sum = sum + (even + odd);
      }
      return sum;
    case Bf16::bfmmla:
      for (int64_t k = 0; k < K; k += 2) sum = shim::sumToOdd(sum, shim::sumToOdd(product(k), product(k + 1)));
      return sum;
    default:
      for (int64_t k = 0; k < K; k += 2) {
        sum = sum + product(k + 1);
        sum = sum + product(k);
      }
      return sum;
  }
}

struct Case {
  int64_t M, N, K, batch;
  bool accumulate, bias;
};

// Rounded like the kernels round: the same bits, but for bias and activation.
TEST(gemmBf16AllForms) {
  const Case cases[] = {
      {1, 1, 1, 1, false, false},    {3, 5, 0, 1, false, true},     {7, 64, 16, 2, true, false},
      {13, 129, 301, 1, false, true}, {25, 200, 48, 1, false, false}, {67, 150, 33, 3, true, true},
      {0, 4, 4, 1, false, false},    {5, 3, 1100, 1, true, false},  {40, 90, 546, 1, true, false},
      {9, 37, 50, 1, true, true},    {64, 64, 64, 1, false, false},
  };
  for (const Case& c : cases)
    for (int form = 0; form < 8; form++) {
      const bool transA = (form & 1) != 0, transB = (form & 2) != 0, halfA = (form & 4) != 0;
      Random random(static_cast<uint64_t>(c.M * 31 + c.N * 7 + c.K));
      // Operands that are parts of wider ones.
      const int64_t lda = (transA ? c.M : c.K) + 3, ldb = (transB ? c.K : c.N) + 5, ldc = c.N + 2;
      const int64_t sizeA = (transA ? c.K : c.M) * lda, sizeB = (transB ? c.N : c.K) * ldb, sizeC = c.M * ldc;
      const Floats A = random.floats(c.batch * sizeA), B = random.floats(sizeB), start = random.floats(c.batch * sizeC);
      const Floats bias = random.floats(c.N);
      std::vector<uint16_t> halvesA, halvesB;
      for (float x : A) halvesA.push_back(halfOfFloat(x));
      for (float x : B) halvesB.push_back(halfOfFloat(x));
      std::map<Bf16, Floats> known;
      everyForm(
          "gemmBf16 " + std::to_string(c.M) + "x" + std::to_string(c.N) + "x" + std::to_string(c.K) + " form " +
              std::to_string(form),
          [&] {
            Floats out = start;
            Gemm p;
            p.M = c.M, p.N = c.N, p.K = c.K, p.batch = c.batch;
            p.A = halfA ? nullptr : A.data(), p.halfA = halfA ? halvesA.data() : nullptr;
            p.lda = lda, p.transA = transA, p.strideA = sizeA;
            p.B = B.data(), p.ldb = ldb, p.transB = transB;
            p.C = out.data(), p.ldc = ldc, p.strideC = sizeC;
            p.accumulate = c.accumulate, p.bias = c.bias ? bias.data() : nullptr;
            p.activation = c.bias ? Activation::silu : Activation::none;
            gemmBf16(p);
            // In float32 the kernel rounds; in bfloat16 the operand is rounded already: the same bits.
            Floats half = start;
            p.B = nullptr, p.halfB = halvesB.data(), p.C = half.data();
            gemmBf16(p);
            CHECK(out.empty() || std::memcmp(half.data(), out.data(), out.size() * sizeof(float)) == 0);
            return out;
          },
          [&](Bf16 instructions, const Floats& out) {
            // What lies between C's rows is compared too: it must stay.
            Floats& sums = known[instructions];
            if (sums.empty()) {
              sums = start;
              for (int64_t b = 0; b < c.batch; b++)
                for (int64_t i = 0; i < c.M; i++)
                  for (int64_t j = 0; j < c.N; j++) {
                    float& sum = sums[static_cast<size_t>(b * sizeC + i * ldc + j)];
                    const auto x = [&](int64_t k) {
                      return floatOfHalf(halvesA[static_cast<size_t>(b * sizeA + (transA ? k * lda + i : i * lda + k))]);
                    };
                    const auto y = [&](int64_t k) {
                      return floatOfHalf(halvesB[static_cast<size_t>(transB ? j * ldb + k : k * ldb + j)]);
                    };
                    sum = sumOf(instructions, c.accumulate ? sum : 0.0f, c.K, x, y);
                  }
            }
            if (!c.bias) {
              CHECK(out.empty() || std::memcmp(out.data(), sums.data(), out.size() * sizeof(float)) == 0);
              return;
            }
            std::vector<double> expected(start.begin(), start.end());
            for (int64_t i = 0; i < c.batch * c.M; i++)
              for (int64_t j = 0; j < c.N; j++) {
                const size_t at = static_cast<size_t>(i * ldc + j);
                const double x = static_cast<double>(sums[at]) + static_cast<double>(bias[static_cast<size_t>(j)]);
                expected[at] = x / (1 + std::exp(-x));
              }
            CHECK_CLOSE(out, expected, 2e-6);
          });
    }
}

// Ties go to even, NaN stays NaN, infinity stays, and subnormal values count as zero.
TEST(gemmBf16Rounds) {
  const float tie = 1.0f + 1.0f / 256, odd = 1.0f + 3.0f / 256;
  everyForm(
      "rounding",
      [&] {
        Floats A = {tie, odd, -tie, 1e-40f, INFINITY, NAN}, B = {1.0f}, C = blank(6);
        Gemm p;
        p.M = 6, p.N = 1, p.K = 1, p.A = A.data(), p.lda = 1, p.B = B.data(), p.ldb = 1, p.C = C.data(), p.ldc = 1;
        gemmBf16(p);
        return C;
      },
      [](Bf16, const Floats& out) {
        CHECK(out[0] == 1.0f);
        CHECK(out[1] == 1.0f + 4.0f / 256);
        CHECK(out[2] == -1.0f);
        CHECK(out[3] == 0.0f);
        CHECK(out[4] == INFINITY);
        CHECK(std::isnan(out[5]));
      });
}

// By hand, 2²⁴·1 + 1·1 - 2²⁴·1 + 1·1, where float32 holds even numbers only from 2²⁴ on. AVX512-BF16: 1, then 2²⁴ + 1,
// a tie, to 2²⁴; + 1 likewise; - 2²⁴: 0. AMX: 2²⁴ - 2²⁴ = 0 of the even k's, 1 + 1 of the odd ones: 2. BFMMLA: 2²⁴ + 1 to
// odd: 2²⁴ + 2; - 2²⁴ + 1, exact; together: 3.
TEST(gemmBf16OrderOfSums) {
  everyForm(
      "four products",
      [] {
        Floats A = {0x1p24f, 1, -0x1p24f, 1}, B = {1, 1, 1, 1}, C = blank(1);
        Gemm p;
        p.M = 1, p.N = 1, p.K = 4, p.A = A.data(), p.lda = 4, p.B = B.data(), p.ldb = 1, p.C = C.data(), p.ldc = 1;
        gemmBf16(p);
        return C;
      },
      [](Bf16 form, const Floats& out) { CHECK(out[0] == (form == Bf16::amx ? 2.0f : form == Bf16::bfmmla ? 3.0f : 0.0f)); });
}

TEST(sumsRoundedToOdd) {
  context = "sumToOdd";
  CHECK(shim::sumToOdd(1, 2) == 3);
  CHECK(shim::sumToOdd(1, 0x1p-30f) == 1 + 0x1p-23f);
  CHECK(shim::sumToOdd(1, -0x1p-30f) == 1 - 0x1p-24f);
  CHECK(shim::sumToOdd(-1, 0x1p-100f) == -1 + 0x1p-24f);
  CHECK(shim::sumToOdd(1 + 0x1p-23f, 0x1p-24f) == 1 + 0x1p-23f);
  CHECK(shim::sumToOdd(1 + 0x1p-22f, 0x1p-24f) == 1 + 0x1.8p-22f);
  CHECK(shim::sumToOdd(0x1.fffffep127f, 0x1p100f) == 0x1.fffffep127f);
  CHECK(shim::sumToOdd(0x1.fffffep127f, 0x1p104f) == INFINITY);
  CHECK(shim::sumToOdd(0x1p-126f, -0x1.8p-126f) == 0);
}

// Sampling relies on it: the same responses whatever the batch.
TEST(gemmBf16RowsDoNotDependOnTheBatch) {
  const int64_t N = 150, K = 610, most = 60;
  Random random(7);
  const Floats A = random.floats(most * K), B = random.floats(N * K);
  for (bool transB : {false, true})
    everyForm(
        "rows of a bfloat16 product",
        [&] {
          Floats all;
          for (int64_t M : {int64_t{1}, int64_t{2}, int64_t{17}, int64_t{33}, most}) {
            Floats C = blank(M * N);
            Gemm p;
            p.M = M, p.N = N, p.K = K, p.A = A.data(), p.lda = K, p.B = B.data(), p.ldb = transB ? K : N;
            p.transB = transB, p.C = C.data(), p.ldc = N;
            gemmBf16(p);
            all.insert(all.end(), C.begin(), C.begin() + N);
          }
          return all;
        },
        [&](Bf16, const Floats& out) {
          for (int64_t i = N; i < 5 * N; i++) CHECK(out[static_cast<size_t>(i)] == out[static_cast<size_t>(i % N)]);
        });
}

// Operands that are bfloat16 already are multiplied exactly, so log-probabilities are those of float32; the gradient of
// the logits is rounded to eight bits.
TEST(tokenLogProbsInBf16) {
  struct {
    int64_t N, D, V;
    bool headTransposed;
  } const cases[] = {{1, 1, 1, false}, {5, 601, 70, true}, {37, 96, 1100, false}, {200, 40, 131, true}};
  for (const auto& c : cases) {
    Random random(static_cast<uint64_t>(c.V));
    const Halves halfHidden = random.halves(c.N * c.D, 0.5), halfHead = random.halves(c.D * c.V, 0.5);
    Floats hidden, head;
    for (uint16_t x : halfHidden) hidden.push_back(floatOfHalf(x));
    for (uint16_t x : halfHead) head.push_back(floatOfHalf(x));
    const Floats bias = random.floats(c.V), dy = random.floats(c.N);
    const Ints targets = random.ints(c.N, c.V);
    TokenLogProbs p;
    p.N = c.N, p.D = c.D, p.V = c.V, p.hidden = hidden.data(), p.headTransposed = c.headTransposed;
    p.bias = bias.data(), p.targets = targets.data();
    const int64_t nh = c.N * c.D, nw = c.D * c.V;
    const auto run = [&](bool rounded, bool frozen) {
      p.rounded = rounded, p.head = frozen ? nullptr : head.data(), p.halfHead = frozen ? halfHead.data() : nullptr;
      Floats y = blank(c.N), max = blank(c.N), sum = blank(c.N), dh = blank(nh), dw = blank(nw);
      tokenLogProbs(p, y.data(), max.data(), sum.data());
      tokenLogProbsGrad(p, max.data(), sum.data(), dy.data(), dh.data(), dw.data(), nullptr, false);
      return joined({y, dh, dw});
    };
    setIsa(Isa::plain);
    const Floats plain = run(false, false);
    const std::vector<double> expected(plain.begin(), plain.end());
    const auto expectedPart = [&](int64_t from, int64_t n) {
      return std::vector<double>(expected.begin() + from, expected.begin() + from + n);
    };
    everyForm(
        "tokenLogProbs in bfloat16 " + std::to_string(c.N) + "x" + std::to_string(c.D) + "x" + std::to_string(c.V),
        [&] {
          const Floats all = run(true, false), frozen = run(true, true);
          CHECK(std::memcmp(all.data(), frozen.data(), all.size() * sizeof(float)) == 0);
          // The first row alone has the same bits.
          const float first = all[0];
          float alone = NAN, max = NAN, sum = NAN;
          p.N = 1;
          tokenLogProbs(p, &alone, &max, &sum);
          p.N = c.N;
          CHECK(alone == first);
          return all;
        },
        [&](Bf16, const Floats& all) {
          CHECK_CLOSE(part(all, 0, c.N), expectedPart(0, c.N), 2e-5);
          CHECK_CLOSE(part(all, c.N, nh), expectedPart(c.N, nh), 4e-3);
          CHECK_CLOSE(part(all, c.N + nh, nw), expectedPart(c.N + nh, nw), 4e-3);
        });
  }
}
