// Activations, rotary embedding, softmax, embedding.
#include "check.h"

using namespace brevity;
using Doubles = std::vector<double>;

static Doubles map(const Floats& x, double (*f)(double)) {
  Doubles y;
  for (float v : x) y.push_back(f(static_cast<double>(v)));
  return y;
}
static double sigma(double x) { return 1 / (1 + std::exp(-x)); }
static double phi(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
static double bell(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * M_PI); }
static double tanhForm(double x) { return std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)); }
static double tanhFormSlope(double x) { return std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x); }

TEST(exponentialIsWithinTwoUlps) {
  Floats x;
  for (double v = -87.3; v < 88.7; v += 0.0137) x.push_back(static_cast<float>(v));
  int64_t n = static_cast<int64_t>(x.size());
  everywhere(
      "exponential",
      [&] {
        Floats y = blank(n);
        exponential(x.data(), y.data(), n);
        return y;
      },
      [&](const Floats& y) {
        for (size_t i = 0; i < x.size(); i++) {
          double exact = std::exp(static_cast<double>(x[i]));
          CHECK(std::fabs(static_cast<double>(y[i]) / exact - 1) < 2.4e-7);
        }
      });
  everywhere(
      "exponential's ends",
      [&] {
        Floats ends = {-INFINITY, -200, -103, 0, 88.8f, 200, INFINITY, NAN, -0.0f};
        exponential(ends.data(), ends.data(), 9);
        return ends;
      },
      [&](const Floats& y) {
        CHECK(y[0] == 0 && y[1] == 0 && y[2] >= 0 && y[2] < 1e-44f && y[3] == 1 && y[8] == 1);
        CHECK(std::isinf(y[4]) && std::isinf(y[5]) && std::isinf(y[6]) && std::isnan(y[7]));
      });
}

TEST(nonlinearities) {
  Random random(1);
  for (int64_t n : {0, 1, 7, 16, 37, 20001}) {
    Floats x = random.floats(n, 6), u = random.floats(n), dy = random.floats(n);
    for (size_t i = 0; i < x.size(); i += 5) x[i] *= 0.01f;
    using Unary = void (*)(const float*, float*, int64_t);
    struct Forward {
      const char* name;
      Unary f;
      double (*exact)(double);
    };
    // The pointers are read anew for each instruction set.
    for (int which = 0; which < 5; which++) {
      const char* names[] = {"gelu", "geluTanh", "sigmoid", "tanh", "erf"};
      double (*exact[])(double) = {[](double v) { return v * phi(v); }, [](double v) { return 0.5 * v * (1 + tanhForm(v)); },
                                   sigma, [](double v) { return std::tanh(v); }, [](double v) { return std::erf(v); }};
      everywhere(
          names[which],
          [&] {
            Unary f[] = {gelu, geluTanh, sigmoid, hyperbolicTangent, errorFunction};
            Floats y = blank(n);
            f[which](x.data(), y.data(), n);
            return y;
          },
          [&](const Floats& y) {
            CHECK_CLOSE(y, map(x, exact[which]), 5e-7);
            // Near zero it is the relative error that counts.
            for (size_t i = 0; i < y.size(); i++)
              CHECK(std::fabs(static_cast<double>(y[i]) - exact[which](static_cast<double>(x[i]))) <=
                    (which == 2 ? 1e-6 : 1e-6 * std::fabs(exact[which](static_cast<double>(x[i]))) + (which < 2 ? 3e-7 : 0)));
          });
    }
    Doubles geluSlope, tanhSlope, swi, dgate, dup;
    for (size_t i = 0; i < x.size(); i++) {
      double v = static_cast<double>(x[i]), d = static_cast<double>(dy[i]), up = static_cast<double>(u[i]), t = tanhForm(v);
      geluSlope.push_back(d * (phi(v) + v * bell(v)));
      tanhSlope.push_back(d * (0.5 * (1 + t) + 0.5 * v * (1 - t * t) * tanhFormSlope(v)));
      swi.push_back(v * sigma(v) * up);
      dup.push_back(d * v * sigma(v));
      dgate.push_back(d * up * sigma(v) * (1 + v * (1 - sigma(v))));
    }
    everywhere(
        "gradients",
        [&] {
          Floats a = blank(n), b = blank(n), c = blank(n), e = blank(n), f = blank(n);
          geluGrad(x.data(), dy.data(), a.data(), n);
          geluTanhGrad(x.data(), dy.data(), b.data(), n);
          swiglu(x.data(), u.data(), c.data(), n);
          swigluGrad(x.data(), u.data(), dy.data(), e.data(), f.data(), n);
          return joined({a, b, c, e, f});
        },
        [&](const Floats& all) {
          CHECK_CLOSE(part(all, 0, n), geluSlope, 1e-6);
          CHECK_CLOSE(part(all, n, n), tanhSlope, 3e-6);
          CHECK_CLOSE(part(all, 2 * n, n), swi, 1e-6);
          CHECK_CLOSE(part(all, 3 * n, n), dgate, 1e-6);
          CHECK_CLOSE(part(all, 4 * n, n), dup, 1e-6);
        });
  }
}

TEST(ropeTurnsPairs) {
  Random random(2);
  const int64_t P = 20;
  struct Shape {
    int64_t N, heads, d, half;
  };
  for (Shape s : {Shape{0, 2, 8, 4}, {1, 1, 2, 1}, {9, 3, 20, 5}, {33, 4, 64, 32}, {5, 2, 48, 24}}) {
    Floats x = random.floats(s.N * s.heads * s.d), angles = random.floats(P * s.half, 3), c, n;
    for (float a : angles) c.push_back(std::cos(a)), n.push_back(std::sin(a));
    Ints positions = random.ints(s.N, P);
    for (float sign : {1.0f, -1.0f}) {
      Doubles expected;
      for (int64_t row = 0; row < s.N * s.heads; row++)
        for (int64_t i = 0; i < s.d; i++) {
          const float* at = x.data() + row * s.d;
          double result = static_cast<double>(at[i]);
          if (i < 2 * s.half) {
            int64_t pair = i % s.half, angle = positions[static_cast<size_t>(row / s.heads)] * s.half + pair;
            double a = static_cast<double>(at[pair]), b = static_cast<double>(at[pair + s.half]);
            double co = static_cast<double>(c[static_cast<size_t>(angle)]), si = static_cast<double>(sign * n[static_cast<size_t>(angle)]);
            result = i < s.half ? a * co - b * si : b * co + a * si;
          }
          expected.push_back(result);
        }
      everywhere(
          "rope",
          [&] {
            Floats y = blank(s.N * s.heads * s.d), inPlace = x;
            rope(x.data(), positions.data(), c.data(), n.data(), y.data(), s.N, s.heads, s.d, s.half, sign);
            rope(x.data(), positions.data(), c.data(), n.data(), inPlace.data(), s.N, s.heads, s.d, s.half, sign);
            CHECK(inPlace == y);
            return y;
          },
          [&](const Floats& y) { CHECK_CLOSE(y, expected, 1e-6); });
    }
  }
}

TEST(softmaxForms) {
  Random random(3);
  for (int64_t N : {0, 1, 5})
    for (int64_t V : {1, 3, 16, 65, 3001}) {
      Floats x = random.floats(N * V, 20), dy = random.floats(N);
      Ints targets = random.ints(N, V);
      if (N > 1 && V > 1) x[1] = -INFINITY;
      Doubles soft, logSoft, grad;
      for (int64_t n = 0; n < N; n++) {
        double max = -INFINITY, sum = 0;
        for (int64_t i = 0; i < V; i++) max = std::fmax(max, static_cast<double>(x[static_cast<size_t>(n * V + i)]));
        for (int64_t i = 0; i < V; i++) sum += std::exp(static_cast<double>(x[static_cast<size_t>(n * V + i)]) - max);
        for (int64_t i = 0; i < V; i++) {
          double z = static_cast<double>(x[static_cast<size_t>(n * V + i)]) - max, p = std::exp(z) / sum;
          soft.push_back(p);
          logSoft.push_back(z - std::log(sum));
          grad.push_back(static_cast<double>(dy[static_cast<size_t>(n)]) * ((i == targets[static_cast<size_t>(n)] ? 1 : 0) - p));
        }
      }
      if (N > 1 && V > 1) x[1] = -INFINITY, logSoft[1] = -1e30;
      everywhere(
          "softmax",
          [&] {
            Floats y = blank(N * V), z = blank(N * V), max = blank(N), sum = blank(N), at = blank(N), g = x;
            softmax(x.data(), y.data(), N, V);
            logSoftmax(x.data(), z.data(), N, V);
            logSoftmaxStats(x.data(), targets.data(), max.data(), sum.data(), at.data(), N, V);
            logSoftmaxGrad(g.data(), targets.data(), max.data(), sum.data(), dy.data(), g.data(), N, V);
            if (N > 1 && V > 1) z[1] = std::isinf(z[1]) ? -1e30f : NAN;
            for (int64_t n = 0; n < N; n++) CHECK(at[static_cast<size_t>(n)] == x[static_cast<size_t>(n * V + targets[static_cast<size_t>(n)])]);
            return joined({y, z, g});
          },
          [&](const Floats& all) {
            CHECK_CLOSE(part(all, 0, N * V), soft, 1e-6);
            CHECK_CLOSE(part(all, N * V, N * V), logSoft, 1e-6);
            CHECK_CLOSE(part(all, 2 * N * V, N * V), grad, 1e-6);
          });
    }
}

TEST(embeddingGathersAndScatters) {
  Random random(4);
  for (int64_t N : {0, 1, 50, 300})
    for (int64_t D : {1, 19, 64}) {
      const int64_t V = 130;
      Floats table = random.floats(V * D), dy = random.floats(N * D);
      Ints ids = random.ints(N, V);
      if (N > 2) ids[1] = -1, ids[2] = V;
      Doubles gathered, scattered(table.begin(), table.end());
      for (int64_t n = 0; n < N; n++)
        for (int64_t i = 0; i < D; i++) {
          int64_t id = ids[static_cast<size_t>(n)];
          bool inside = id >= 0 && id < V;
          gathered.push_back(inside ? static_cast<double>(table[static_cast<size_t>(id * D + i)]) : 0);
          if (inside) scattered[static_cast<size_t>(id * D + i)] += static_cast<double>(dy[static_cast<size_t>(n * D + i)]);
        }
      everywhere(
          "embedding",
          [&] {
            Floats y = blank(N * D), sums = table, fresh = blank(V * D);
            gatherRows(table.data(), ids.data(), y.data(), N, D, V);
            scatterAddRows(dy.data(), ids.data(), sums.data(), N, D, V, true);
            scatterAddRows(dy.data(), ids.data(), fresh.data(), N, D, V, false);
            for (size_t i = 0; i < sums.size(); i++) CHECK(std::fabs(sums[i] - table[i] - fresh[i]) < 1e-5f);
            return joined({y, sums});
          },
          [&](const Floats& all) {
            CHECK_CLOSE(part(all, 0, N * D), gathered, 0);
            CHECK_CLOSE(part(all, N * D, V * D), scattered, 2e-6);
          });
    }
}
