// RMSNorm and LayerNorm, AdamW and the norm of gradients.
#include "check.h"

using namespace brevity;
using Doubles = std::vector<double>;

// Both norms in float64: y, and the gradients of Σ dy·y.
struct Reference {
  Doubles y, dx, dw, db;
};

static Reference normOf(bool centred, const Floats& x, const Floats& w, const Floats& b, const Floats& dy, int64_t N,
                        int64_t D, double eps) {
  Reference r;
  r.dw.assign(static_cast<size_t>(D), 0);
  r.db.assign(static_cast<size_t>(D), 0);
  for (int64_t n = 0; n < N; n++) {
    auto at = [&](const Floats& v, int64_t i) { return static_cast<double>(v[static_cast<size_t>(n * D + i)]); };
    auto of = [&](const Floats& v, int64_t i) { return static_cast<double>(v[static_cast<size_t>(i)]); };
    double mean = 0, squares = 0, g = 0, along = 0;
    if (centred)
      for (int64_t i = 0; i < D; i++) mean += at(x, i) / static_cast<double>(D);
    for (int64_t i = 0; i < D; i++) squares += std::pow(at(x, i) - mean, 2) / static_cast<double>(D);
    double inverse = 1 / std::sqrt(squares + eps);
    for (int64_t i = 0; i < D; i++) {
      double normal = (at(x, i) - mean) * inverse;
      if (centred) g += at(dy, i) * of(w, i) / static_cast<double>(D);
      along += at(dy, i) * of(w, i) * normal / static_cast<double>(D);
      r.y.push_back(normal * of(w, i) + (centred ? of(b, i) : 0));
      r.dw[static_cast<size_t>(i)] += at(dy, i) * normal;
      r.db[static_cast<size_t>(i)] += at(dy, i);
    }
    for (int64_t i = 0; i < D; i++)
      r.dx.push_back(inverse * (at(dy, i) * of(w, i) - g - (at(x, i) - mean) * inverse * along));
  }
  return r;
}

TEST(normsForwardAndBackward) {
  Random random(5);
  const float eps = 1e-5f;
  for (int64_t N : {0, 1, 3, 130})
    for (int64_t D : {1, 5, 16, 77, 288}) {
      Floats x = random.floats(N * D, 3), w = random.floats(D), b = random.floats(D), dy = random.floats(N * D);
      Reference rms = normOf(false, x, w, b, dy, N, D, static_cast<double>(eps));
      everywhere(
          "rmsNorm " + std::to_string(N) + "x" + std::to_string(D),
          [&] {
            Floats y = blank(N * D), dx = blank(N * D), dw = blank(D), onlyX = blank(N * D);
            rmsNorm(x.data(), w.data(), y.data(), N, D, eps);
            rmsNormGrad(x.data(), w.data(), dy.data(), dx.data(), dw.data(), N, D, eps);
            rmsNormGrad(x.data(), w.data(), dy.data(), onlyX.data(), nullptr, N, D, eps);
            CHECK(onlyX == dx);
            return joined({y, dx, dw});
          },
          [&](const Floats& all) {
            CHECK_CLOSE(part(all, 0, N * D), rms.y, 1e-6);
            CHECK_CLOSE(part(all, N * D, N * D), rms.dx, D == 1 ? 1e-3 : 1e-5);
            CHECK_CLOSE(part(all, 2 * N * D, D), rms.dw, 1e-5);
          });
      if (D == 1) continue;  // the variance of one number is rounding
      Reference layer = normOf(true, x, w, b, dy, N, D, static_cast<double>(eps));
      everywhere(
          "layerNorm " + std::to_string(N) + "x" + std::to_string(D),
          [&] {
            Floats y = blank(N * D), dx = blank(N * D), dw = blank(D), db = blank(D);
            layerNorm(x.data(), w.data(), b.data(), y.data(), N, D, eps);
            layerNormGrad(x.data(), w.data(), dy.data(), dx.data(), dw.data(), db.data(), N, D, eps);
            return joined({y, dx, dw, db});
          },
          [&](const Floats& all) {
            CHECK_CLOSE(part(all, 0, N * D), layer.y, 3e-6);
            CHECK_CLOSE(part(all, N * D, N * D), layer.dx, 1e-5);
            CHECK_CLOSE(part(all, 2 * N * D, D), layer.dw, 1e-5);
            CHECK_CLOSE(part(all, 2 * N * D + D, D), layer.db, 1e-5);
          });
    }
}

TEST(adamwTakesAStep) {
  Random random(6);
  const int64_t sizes[] = {0, 1, 37, 70000};
  AdamWStep step;
  step.lr = 1e-2, step.beta1 = 0.9, step.beta2 = 0.99, step.eps = 1e-6, step.gradScale = 0.5;
  step.biasCorrection1 = 0.19, step.biasCorrection2 = 0.0199;
  std::vector<Floats> p, g, m, v;
  Doubles expected, squares;
  for (int64_t n : sizes) {
    p.push_back(random.floats(n)), g.push_back(random.floats(n)), m.push_back(random.floats(n, 0.1));
    v.push_back(random.floats(n, 0.1));
    double sum = 0;
    for (size_t i = 0; i < v.back().size(); i++) {
      v.back()[i] = std::fabs(v.back()[i]);
      double grad = static_cast<double>(g.back()[i]), scaled = grad * 0.5, decay = n == 37 ? 0.1 : 0;
      double m2 = static_cast<double>(m.back()[i]) * 0.9 + scaled * 0.1, v2 = static_cast<double>(v.back()[i]) * 0.99 + scaled * scaled * 0.01;
      sum += grad * grad;
      expected.push_back(static_cast<double>(p.back()[i]) * (1 - 1e-2 * decay) - 1e-2 / 0.19 * m2 / (std::sqrt(v2 / 0.0199) + 1e-6));
    }
    squares.push_back(sum);
  }
  everywhere(
      "adamw",
      [&] {
        std::vector<Floats> p2 = p, m2 = m, v2 = v;
        std::vector<AdamWTensor> tensors;
        std::vector<const float*> gradients;
        std::vector<double> sums(4, NAN);
        for (size_t i = 0; i < 4; i++) {
          tensors.push_back({p2[i].data(), g[i].data(), m2[i].data(), v2[i].data(), sizes[i], sizes[i] == 37 ? 0.1 : 0});
          gradients.push_back(g[i].data());
        }
        adamw(tensors.data(), 4, step);
        sumOfSquares(gradients.data(), sizes, 4, sums.data());
        for (size_t i = 0; i < 4; i++) CHECK(std::fabs(sums[i] - squares[i]) <= 1e-6 * squares[i]);
        return joined({p2[0], p2[1], p2[2], p2[3], Floats(sums.begin(), sums.end())});
      },
      [&](const Floats& all) { CHECK_CLOSE(part(all, 0, 70038), expected, 1e-6); });
}
