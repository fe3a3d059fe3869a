// Token log-probabilities and sampling.
#include <algorithm>

#include "check.h"

using namespace brevity;
using Doubles = std::vector<double>;

static double at(const Floats& x, int64_t i) { return static_cast<double>(x[static_cast<size_t>(i)]); }

struct Case {
  int64_t N, D, V;
  bool headTransposed, bias;
};

TEST(tokenLogProbsForwardAndBackward) {
  for (Case c : {Case{0, 8, 10, false, false}, {1, 1, 1, false, false}, {3, 20, 70, true, true}, {5, 300, 1100, false, true},
                 {200, 33, 131, true, false}, {1100, 5, 40, false, true}, {7, 64, 2100, true, false}}) {
    Random random(static_cast<uint64_t>(c.V));
    Floats hidden = random.floats(c.N * c.D), head = random.floats(c.D * c.V), bias = random.floats(c.V, 3), dy = random.floats(c.N);
    Floats before = random.floats(c.D * c.V);
    Ints targets = random.ints(c.N, c.V);
    Doubles logps, dhidden(static_cast<size_t>(c.N * c.D)), dhead(static_cast<size_t>(c.D * c.V)), dbias(static_cast<size_t>(c.V));
    auto place = [&](int64_t i, int64_t v) { return c.headTransposed ? v * c.D + i : i * c.V + v; };
    for (int64_t n = 0; n < c.N; n++) {
      Doubles z;
      double max = -INFINITY, sum = 0;
      for (int64_t v = 0; v < c.V; v++) {
        double logit = c.bias ? at(bias, v) : 0;
        for (int64_t i = 0; i < c.D; i++) logit += at(hidden, n * c.D + i) * at(head, place(i, v));
        z.push_back(logit);
        max = std::fmax(max, logit);
      }
      for (double x : z) sum += std::exp(x - max);
      int64_t target = targets[static_cast<size_t>(n)];
      logps.push_back(z[static_cast<size_t>(target)] - max - std::log(sum));
      for (int64_t v = 0; v < c.V; v++) {
        double dz = at(dy, n) * ((v == target ? 1 : 0) - std::exp(z[static_cast<size_t>(v)] - max) / sum);
        dbias[static_cast<size_t>(v)] += dz;
        for (int64_t i = 0; i < c.D; i++) {
          dhidden[static_cast<size_t>(n * c.D + i)] += dz * at(head, place(i, v));
          dhead[static_cast<size_t>(place(i, v))] += dz * at(hidden, n * c.D + i);
        }
      }
    }
    TokenLogProbs p;
    p.N = c.N, p.D = c.D, p.V = c.V, p.hidden = hidden.data(), p.head = head.data(), p.headTransposed = c.headTransposed;
    p.bias = c.bias ? bias.data() : nullptr, p.targets = targets.data();
    int64_t nh = c.N * c.D, nw = c.D * c.V;
    everywhere(
        "tokenLogProbs " + std::to_string(c.N) + "x" + std::to_string(c.D) + "x" + std::to_string(c.V),
        [&] {
          Floats y = blank(c.N), max = blank(c.N), sum = blank(c.N), dh = blank(nh), dw = blank(nw), db = blank(c.V);
          Floats added = before, only = blank(nh);
          tokenLogProbs(p, y.data(), max.data(), sum.data());
          tokenLogProbsGrad(p, max.data(), sum.data(), dy.data(), dh.data(), dw.data(), db.data(), false);
          tokenLogProbsGrad(p, max.data(), sum.data(), dy.data(), nullptr, added.data(), nullptr, true);
          tokenLogProbsGrad(p, max.data(), sum.data(), dy.data(), only.data(), nullptr, nullptr, false);
          CHECK(std::equal(only.begin(), only.end(), dh.begin()));
          for (size_t i = 0; i < added.size(); i++) CHECK(std::fabs(added[i] - before[i] - dw[i]) < 1e-5f);
          return joined({y, dh, dw, db});
        },
        [&](const Floats& all) {
          CHECK_CLOSE(part(all, 0, c.N), logps, 1e-5);
          CHECK_CLOSE(part(all, c.N, nh), dhidden, 1e-5);
          CHECK_CLOSE(part(all, c.N + nh, nw), dhead, 1e-5);
          CHECK_CLOSE(part(all, c.N + nh + nw, c.V), dbias, 1e-5);
        });
  }
}

TEST(tokenLogProbsOfARowDoesNotDependOnTheBatch) {
  const int64_t N = 230, D = 40, V = 1500;
  Random random(3);
  Floats hidden = random.floats(N * D), head = random.floats(D * V);
  Ints targets = random.ints(N, V);
  everywhere(
      "a row of tokenLogProbs",
      [&] {
        Floats all;
        for (int64_t count : {int64_t{1}, int64_t{7}, N}) {
          Floats y = blank(count), max = blank(count), sum = blank(count);
          TokenLogProbs p;
          p.N = count, p.D = D, p.V = V, p.hidden = hidden.data(), p.head = head.data(), p.targets = targets.data();
          tokenLogProbs(p, y.data(), max.data(), sum.data());
          all.push_back(y[0]);
        }
        return all;
      },
      [&](const Floats& all) { CHECK(all[0] == all[1] && all[1] == all[2]); });
}

// src/model/generate/choose.ts, line for line.
static int64_t chosen(const float* row, int64_t V, const Sampling& s, double uniform, const Ints& seen, double* logp) {
  Doubles logits(row, row + V), plain = logits;
  double plainMax = *std::max_element(plain.begin(), plain.end()), sum = 0;
  for (double x : plain) sum += std::exp(x - plainMax);
  if (s.repetitionPenalty != 1)
    for (int32_t token : seen) {
      double& x = logits[static_cast<size_t>(token)];
      x = static_cast<double>(static_cast<float>(x > 0 ? x / s.repetitionPenalty : x * s.repetitionPenalty));
    }
  double max = *std::max_element(logits.begin(), logits.end());
  int64_t token = std::max_element(logits.begin(), logits.end()) - logits.begin();
  if (s.temperature != 0) {
    Doubles w;
    for (double x : logits) w.push_back(std::exp((x - max) / s.temperature));
    auto drop = [&](double threshold) {
      for (double& x : w)
        if (x < threshold) x = 0;
    };
    Doubles sorted = w;
    std::sort(sorted.rbegin(), sorted.rend());
    if (s.topK > 0 && s.topK < V) drop(sorted[static_cast<size_t>(s.topK - 1)]);
    if (s.topP < 1) {
      sorted = w;
      std::sort(sorted.rbegin(), sorted.rend());
      double total = 0, kept = 0;
      for (double x : sorted) total += x;
      size_t i = 0;
      while ((kept += sorted[i]) < s.topP * total) i++;
      drop(sorted[i]);
    }
    if (s.minP > 0) drop(s.minP);
    double total = 0;
    for (double x : w) total += x;
    double left = uniform * total;
    for (int64_t i = 0; i < V && left >= 0; i++) {
      if (w[static_cast<size_t>(i)] == 0) continue;
      token = i;
      left -= w[static_cast<size_t>(i)];
    }
  }
  *logp = plain[static_cast<size_t>(token)] - plainMax - std::log(sum);
  return token;
}

TEST(sampleTokensAsChooseDoes) {
  Random random(11);
  for (int64_t B : {0, 1, 5})
    for (int64_t V : {1, 2, 50, 5003})
      for (int variant = 0; variant < 8; variant++) {
        Floats logits = random.floats(B * V, 8);
        // Ties, and a token that cannot be drawn.
        for (int64_t b = 0; b < B && V > 10; b++) logits[static_cast<size_t>(b * V + 9)] = logits[static_cast<size_t>(b * V + 2)], logits[static_cast<size_t>(b * V + 4)] = -INFINITY;
        Doubles uniforms;
        Ints seen;
        std::vector<int64_t> seenStart = {0};
        for (int64_t b = 0; b < B; b++) {
          uniforms.push_back(random.uniform());
          for (int32_t t = 0; t < V && t < 2 + b; t++) seen.push_back(static_cast<int32_t>((t * 7) % V));
          std::sort(seen.begin() + seenStart.back(), seen.end());
          seen.erase(std::unique(seen.begin() + seenStart.back(), seen.end()), seen.end());
          seenStart.push_back(static_cast<int64_t>(seen.size()));
        }
        Sampling s;
        s.B = B, s.V = V, s.logits = logits.data(), s.uniforms = uniforms.data();
        s.temperature = variant == 1 ? 0 : variant == 2 ? 0.3 : 1;
        s.topK = variant == 3 || variant == 7 ? 5 : 0;
        s.topP = variant == 4 || variant == 7 ? 0.8 : 1;
        s.minP = variant == 5 || variant == 7 ? 0.05 : 0;
        if (variant == 6 || variant == 7 || variant == 1) s.repetitionPenalty = 1.3, s.seen = seen.data(), s.seenStart = seenStart.data();
        Doubles expected;
        for (int64_t b = 0; b < B; b++) {
          double logp;
          Ints mine(seen.begin() + seenStart[static_cast<size_t>(b)], seen.begin() + seenStart[static_cast<size_t>(b + 1)]);
          expected.push_back(static_cast<double>(chosen(logits.data() + b * V, V, s, uniforms[static_cast<size_t>(b)], mine, &logp)));
          expected.push_back(logp);
        }
        everywhere(
            "sampling variant " + std::to_string(variant) + ", V " + std::to_string(V),
            [&] {
              Ints tokens(static_cast<size_t>(B), -1);
              Floats logps = blank(B), all;
              sampleTokens(s, tokens.data(), logps.data());
              for (size_t b = 0; b < tokens.size(); b++) all.push_back(static_cast<float>(tokens[b])), all.push_back(logps[b]);
              return all;
            },
            [&](const Floats& all) { CHECK_CLOSE(all, expected, 1e-6); });
      }
}
