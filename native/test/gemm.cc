#include <cstring>

#include "check.h"

using namespace brevity;

static double activated(double x, Activation activation, double alpha) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return x > 0 ? x : 0;
    case Activation::relu6:
      return x < 0 ? 0 : x > 6 ? 6 : x;
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::gelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::geluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::elu:
      return x > 0 ? x : std::expm1(x);
    case Activation::leakyRelu:
      return x > 0 ? x : alpha * x;
  }
  return NAN;
}

struct Case {
  int64_t M, N, K, batch;
  bool accumulate, bias;
  Activation activation;
};

// The upper halves of floats: bfloat16, cut off.
static std::vector<uint16_t> halvesOf(const Floats& x) {
  std::vector<uint16_t> halves(x.size());
  for (size_t i = 0; i < x.size(); i++) {
    uint32_t bits;
    std::memcpy(&bits, &x[i], sizeof bits);
    halves[i] = static_cast<uint16_t>(bits >> 16);
  }
  return halves;
}
static Floats floatsOf(const std::vector<uint16_t>& halves) {
  Floats x(halves.size());
  for (size_t i = 0; i < x.size(); i++) {
    const uint32_t bits = uint32_t{halves[i]} << 16;
    std::memcpy(&x[i], &bits, sizeof bits);
  }
  return x;
}

static void product(const Case& c, bool transA, bool transB) {
  Random random(static_cast<uint64_t>(c.M * 131 + c.N * 17 + c.K));
  // Operands that are parts of wider ones.
  int64_t lda = (transA ? c.M : c.K) + 3, ldb = (transB ? c.K : c.N) + 5, ldc = c.N + 2;
  int64_t sizeA = (transA ? c.K : c.M) * lda, sizeB = (transB ? c.N : c.K) * ldb, sizeC = c.M * ldc;
  Floats A = random.floats(c.batch * sizeA), B = random.floats(sizeB), C = random.floats(c.batch * sizeC);
  Floats bias = random.floats(c.N);
  const std::vector<uint16_t> halfB = halvesOf(B);
  B = floatsOf(halfB);
  std::vector<double> expected(C.begin(), C.end());
  for (int64_t b = 0; b < c.batch; b++)
    for (int64_t i = 0; i < c.M; i++)
      for (int64_t j = 0; j < c.N; j++) {
        double& at = expected[static_cast<size_t>(b * sizeC + i * ldc + j)];
        double sum = c.accumulate ? at : 0;
        for (int64_t k = 0; k < c.K; k++)
          sum += static_cast<double>(A[static_cast<size_t>(b * sizeA + (transA ? k * lda + i : i * lda + k))]) *
                 static_cast<double>(B[static_cast<size_t>(transB ? j * ldb + k : k * ldb + j)]);
        at = activated(sum + (c.bias ? static_cast<double>(bias[static_cast<size_t>(j)]) : 0), c.activation, 0.2);
      }
  std::string name = "gemm " + std::to_string(c.M) + "x" + std::to_string(c.N) + "x" + std::to_string(c.K) +
                     (transA ? " T" : " N") + (transB ? "T" : "N");
  everywhere(
      name,
      [&] {
        Floats out = C;
        Gemm p;
        p.M = c.M, p.N = c.N, p.K = c.K, p.batch = c.batch;
        p.A = A.data(), p.lda = lda, p.transA = transA, p.strideA = sizeA;
        p.B = B.data(), p.ldb = ldb, p.transB = transB;
        p.C = out.data(), p.ldc = ldc, p.strideC = sizeC;
        p.accumulate = c.accumulate, p.bias = c.bias ? bias.data() : nullptr, p.activation = c.activation;
        gemm(p);
        // The same values in bfloat16 give the same bits, where B's float32 is out of reach.
        Floats half = C;
        p.B = nullptr, p.halfB = halfB.data(), p.C = half.data();
        gemm(p);
        CHECK(out.empty() || std::memcmp(half.data(), out.data(), out.size() * sizeof(float)) == 0);
        return out;
      },
      // What lies between C's rows is compared too: it must stay.
      [&](const Floats& out) { CHECK_CLOSE(out, expected, 2e-6 + 1e-6 * std::sqrt(static_cast<double>(c.K))); });
}

TEST(gemmAllForms) {
  const Activation none = Activation::none;
  const Case cases[] = {
      {1, 1, 1, 1, false, false, none},      {1, 70, 33, 1, false, true, none},   {3, 5, 0, 1, false, true, none},
      {7, 64, 16, 2, true, false, none},     {13, 129, 300, 1, false, true, none}, {24, 65, 257, 1, true, false, none},
      {25, 200, 48, 1, false, false, none},  {200, 31, 70, 1, false, false, none}, {193, 270, 20, 3, true, true, none},
      {500, 97, 650, 1, false, true, none},  {250, 600, 333, 1, true, false, none}, {100, 64, 321, 2, false, false, none},
      {0, 4, 4, 1, false, false, none},      {4, 0, 4, 1, false, false, none},     {5, 3, 600, 1, true, false, none},
      // So few rows and so much of B that it streams.
      {1, 530, 300, 1, false, false, none},  {9, 256, 1100, 1, false, true, none}, {30, 400, 512, 1, false, false, none},
  };
  for (const Case& c : cases)
    for (int form = 0; form < 4; form++) product(c, (form & 2) != 0, (form & 1) != 0);
}

TEST(gemmActivations) {
  for (int a = 0; a <= static_cast<int>(Activation::leakyRelu); a++)
    product({9, 37, 50, 1, a % 2 == 0, true, static_cast<Activation>(a)}, false, false);
}

// Sampling relies on it: the same responses whatever the batch.
TEST(gemmRowsDoNotDependOnTheBatch) {
  const int64_t N = 150, K = 310, most = 60;
  Random random(7);
  Floats A = random.floats(most * K), B = random.floats(N * K);
  for (bool transB : {false, true})
    everywhere(
        "rows of a product",
        [&] {
          Floats all;
          for (int64_t M : {int64_t{1}, int64_t{2}, int64_t{23}, int64_t{26}, most}) {
            Floats C = blank(M * N);
            Gemm p;
            p.M = M, p.N = N, p.K = K, p.A = A.data(), p.lda = K, p.B = B.data(), p.ldb = transB ? K : N;
            p.transB = transB, p.C = C.data(), p.ldc = N;
            gemm(p);
            all.insert(all.end(), C.begin(), C.begin() + N);
          }
          return all;
        },
        [&](const Floats& out) {
          for (int64_t i = N; i < 5 * N; i++) CHECK(out[static_cast<size_t>(i)] == out[static_cast<size_t>(i % N)]);
        });
}
