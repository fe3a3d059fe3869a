// Speed of the kernels at the shapes of bench/shapes.ts: `make bench`, or its program with a set's name and a number of
// threads. Each figure is the best of several runs. Where a system BLAS is found its product stands beside ours.
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <ctime>

#include "check.h"

using namespace brevity;
int checks = 0, failures = 0;
std::string context;

// On one thread the processor's time, which other programs on the machine do not lengthen.
static double now() {
  timespec t;
  clock_gettime(threads() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

static double bestSeconds(const std::function<void()>& run) {
  double best = 1e9, total = 0;
  for (int i = 0; i < 500 && (i < 3 || total < 0.3); i++) {
    double start = now();
    run();
    double seconds = now() - start;
    total += seconds;
    best = seconds < best ? seconds : best;
  }
  return best;
}

using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
static Sgemm blas;

static void benchGemm(int64_t M, int64_t N, int64_t K) {
  Random random(1);
  Floats A = random.floats(M * K), B = random.floats(K * N), C = blank(M * N);
  std::printf("gemm %5ld x %5ld x %5ld", static_cast<long>(M), static_cast<long>(N), static_cast<long>(K));
  const auto product = [&](int form) {
    Gemm p;
    p.transA = form == 2, p.transB = form == 1;
    p.M = M, p.N = N, p.K = K, p.A = A.data(), p.lda = p.transA ? M : K, p.B = B.data(), p.ldb = p.transB ? K : N;
    p.C = C.data(), p.ldc = N;
    return p;
  };
  for (int form = 0; form < 3; form++) {
    const Gemm p = product(form);
    double seconds = bestSeconds([&] { gemm(p); });
    std::printf("  %s %6.1f GFLOP/s %5.1f GB/s", form == 0 ? "NN" : form == 1 ? "NT" : "TN",
                2e-9 * static_cast<double>(M * N * K) / seconds, 4e-9 * static_cast<double>(K * N + M * K + M * N) / seconds);
    if (blas == nullptr) continue;
    seconds = bestSeconds([&] {
      blas(101, p.transA ? 112 : 111, p.transB ? 112 : 111, static_cast<int>(M), static_cast<int>(N), static_cast<int>(K),
           1, A.data(), static_cast<int>(p.lda), B.data(), static_cast<int>(p.ldb), 0, C.data(), static_cast<int>(N));
    });
    std::printf(" (BLAS %6.1f)", 2e-9 * static_cast<double>(M * N * K) / seconds);
  }
  // B frozen, in bfloat16.
  const std::vector<uint16_t> half(static_cast<size_t>(K * N), 0x3f80);
  for (const bool transB : {false, true}) {
    Gemm p;
    p.transB = transB, p.M = M, p.N = N, p.K = K, p.A = A.data(), p.lda = K, p.halfB = half.data(), p.ldb = transB ? K : N;
    p.C = C.data(), p.ldc = N;
    double seconds = bestSeconds([&] { gemm(p); });
    std::printf("  bf16 %s %6.1f GFLOP/s", transB ? "NT" : "NN", 2e-9 * static_cast<double>(M * N * K) / seconds);
  }
  // Both operands rounded to bfloat16.
  for (Bf16 instructions : allBf16) {
    if (!setBf16(instructions)) continue;
    std::printf("  %s", bf16Name(instructions));
    for (int form = 0; form < 3; form++) {
      const double seconds = bestSeconds([&] { gemmBf16(product(form)); });
      std::printf(" %s %6.1f", form == 0 ? "NN" : form == 1 ? "NT" : "TN", 2e-9 * static_cast<double>(M * N * K) / seconds);
    }
    std::printf(" GFLOP/s");
  }
  std::printf("\n");
}

static void benchVocabulary(int64_t N, int64_t D, int64_t V) {
  Random random(2);
  Floats hidden = random.floats(N * D), head = random.floats(D * V, 0.05), dy = random.floats(N), y = blank(N), max = y, sum = y;
  Floats dhidden = blank(N * D), dhead = blank(D * V);
  Ints targets = random.ints(N, V);
  TokenLogProbs p;
  p.N = N, p.D = D, p.V = V, p.hidden = hidden.data(), p.head = head.data(), p.headTransposed = true, p.targets = targets.data();
  double forward = bestSeconds([&] { tokenLogProbs(p, y.data(), max.data(), sum.data()); });
  double backward = bestSeconds([&] {
    tokenLogProbsGrad(p, max.data(), sum.data(), dy.data(), dhidden.data(), dhead.data(), nullptr, false);
  });
  double flops = 2e-9 * static_cast<double>(N * D * V);
  std::printf("tokenLogProbs %ld x %ld x %ld: forward %.1f ms %.1f GFLOP/s, backward %.1f ms %.1f GFLOP/s\n", static_cast<long>(N),
              static_cast<long>(D), static_cast<long>(V), forward * 1e3, flops / forward, backward * 1e3, 3 * flops / backward);
}

// `pairs` prompts with two responses each.
static void benchAttention(int64_t pairs, int64_t prompt, int64_t response, int64_t H, int64_t K, int64_t d) {
  Random random(3);
  Ints start, length, prefixStart, prefixLength;
  double scores = 0;
  int64_t N = 0;
  for (int64_t i = 0; i < pairs; i++)
    for (int64_t j = 0; j < 3; j++) {
      int64_t n = j == 0 ? prompt : response, before = j == 0 ? 0 : prompt;
      prefixStart.push_back(static_cast<int32_t>(N - (j == 0 ? 0 : prompt + (j - 1) * response)));
      prefixLength.push_back(static_cast<int32_t>(before));
      start.push_back(static_cast<int32_t>(N)), length.push_back(static_cast<int32_t>(n));
      N += n;
      scores += static_cast<double>(n * before) + static_cast<double>(n * (n + 1)) / 2;
    }
  Floats q = random.floats(N * H * d), k = random.floats(N * K * d), v = random.floats(N * K * d), out = q, lse = blank(N * H);
  Floats dq = q, dk = k, dv = v;
  AttentionShape shape;
  shape.N = N, shape.H = H, shape.K = K, shape.d = d, shape.scale = 0.125f;
  AttentionSegments s{static_cast<int64_t>(start.size()), start.data(), length.data(), prefixStart.data(), prefixLength.data()};
  double forward = bestSeconds([&] { attention(shape, s, q.data(), k.data(), v.data(), out.data(), lse.data()); });
  double backward = bestSeconds([&] {
    attentionGrad(shape, s, q.data(), k.data(), v.data(), out.data(), lse.data(), q.data(), dq.data(), dk.data(), dv.data());
  });
  double flops = 4e-9 * scores * static_cast<double>(H * d);
  std::printf("attention %ld x (%ld + 2 x %ld), %ld/%ld heads of %ld: forward %.2f ms %.1f GFLOP/s, backward %.2f ms %.1f GFLOP/s\n",
              static_cast<long>(pairs), static_cast<long>(prompt), static_cast<long>(response), static_cast<long>(H), static_cast<long>(K),
              static_cast<long>(d), forward * 1e3, flops / forward, backward * 1e3, 2.5 * flops / backward);
}

static void benchDecode(int64_t B, int64_t length, int64_t H, int64_t K, int64_t d) {
  Random random(4);
  Floats keys = random.floats(B * K * length * d), values = keys, q = random.floats(B * H * d), k = random.floats(B * K * d), out = q;
  Ints lengths(static_cast<size_t>(B), static_cast<int32_t>(length - 1));
  AttentionDecode s;
  s.B = B, s.H = H, s.K = K, s.d = d, s.capacity = length, s.scale = 0.125f, s.q = q.data(), s.k = k.data(), s.v = k.data();
  s.keys = keys.data(), s.values = values.data(), s.lengths = lengths.data(), s.out = out.data();
  double seconds = bestSeconds([&] { attentionDecode(s); });
  std::printf("attentionDecode %ld rows of %ld, %ld/%ld heads of %ld: %.3f ms, %.1f GB/s\n", static_cast<long>(B), static_cast<long>(length),
              static_cast<long>(H), static_cast<long>(K), static_cast<long>(d), seconds * 1e3, 8e-9 * static_cast<double>(B * K * length * d) / seconds);
}

static void benchRest() {
  Random random(5);
  const int64_t N = 2048, D = 576, V = 49152, n = 1 << 22;
  Floats x = random.floats(N * D), w = random.floats(D), y = x, dw = w, big = random.floats(n), a = big, b = big, c = big;
  auto show = [](const char* name, double bytes, double seconds) { std::printf("%s: %.3f ms, %.1f GB/s\n", name, seconds * 1e3, bytes * 1e-9 / seconds); };
  show("rmsNorm 2048 x 576", 8.0 * N * D, bestSeconds([&] { rmsNorm(x.data(), w.data(), y.data(), N, D, 1e-5f); }));
  show("rmsNormGrad 2048 x 576", 12.0 * N * D, bestSeconds([&] { rmsNormGrad(x.data(), w.data(), x.data(), y.data(), dw.data(), N, D, 1e-5f); }));
  show("swiglu 4 M", 12.0 * n, bestSeconds([&] { swiglu(big.data(), a.data(), b.data(), n); }));
  show("gelu 4 M", 8.0 * n, bestSeconds([&] { gelu(big.data(), b.data(), n); }));
  AdamWTensor tensor{a.data(), big.data(), b.data(), c.data(), n, 0};
  show("adamw 4 M", 28.0 * n, bestSeconds([&] { adamw(&tensor, 1, AdamWStep()); }));
  Floats logits = random.floats(8 * V, 5), logps = blank(8);
  std::vector<double> uniforms(8, 0.4);
  Ints tokens(8);
  Sampling s;
  s.B = 8, s.V = V, s.logits = logits.data(), s.uniforms = uniforms.data();
  show("sampleTokens 8 x 49152", 4.0 * 8 * V, bestSeconds([&] { sampleTokens(s, tokens.data(), logps.data()); }));
  s.topP = 0.95;
  show("sampleTokens 8 x 49152, top-p", 4.0 * 8 * V, bestSeconds([&] { sampleTokens(s, tokens.data(), logps.data()); }));
}

int main(int argc, char** argv) {
  Isa isa = bestIsa();
  if (argc > 1 && (!isaFromName(argv[1], &isa) || !setIsa(isa))) return 1;
  setThreads(argc > 2 ? std::atoi(argv[2]) : 1);
  void* library = dlopen("libopenblas.so.0", RTLD_NOW);
  if (library != nullptr) {
    blas = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
    auto set = reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"));
    if (set != nullptr) set(threads());
  }
  std::printf("%s, %d threads\n", isaName(isa), threads());
  const char* only = argc > 3 ? argv[3] : "";
  auto wanted = [&](const char* name) { return *only == '\0' || std::strstr(name, only) != nullptr; };
  if (wanted("gemm")) {
    const int64_t shapes[][3] = {{2560, 128, 128}, {2560, 384, 128}, {2560, 128, 384}, {128, 384, 2560}, {2560, 288, 288},
                                 {2560, 768, 288}, {2560, 288, 768}, {288, 768, 2560}, {640, 576, 576}, {640, 1536, 576},
                                 {640, 576, 1536}, {576, 1536, 640}, {2048, 2048, 2048}};
    for (const auto& x : shapes) benchGemm(x[0], x[1], x[2]);
  }
  if (wanted("decode")) {
    const int64_t decode[][3] = {{1, 1536, 576}, {8, 1536, 576}, {32, 1536, 576}, {64, 1536, 576}, {1, 49152, 576}, {8, 49152, 576}, {64, 49152, 576}, {16, 768, 288}, {16, 32000, 288}, {64, 384, 128}};
    for (const auto& x : decode) benchGemm(x[0], x[1], x[2]);
  }
  if (wanted("vocabulary")) benchVocabulary(2048, 128, 1024), benchVocabulary(2048, 288, 32000), benchVocabulary(512, 576, 49152);
  if (wanted("attention")) {
    benchAttention(8, 64, 128, 4, 4, 32), benchAttention(8, 64, 128, 6, 6, 48), benchAttention(2, 64, 128, 9, 3, 64), benchAttention(1, 64, 2048, 9, 3, 64);
    benchDecode(64, 192, 4, 4, 32), benchDecode(32, 192, 6, 6, 48), benchDecode(16, 192, 9, 3, 64);
  }
  if (wanted("rest")) benchRest();
  return 0;
}
