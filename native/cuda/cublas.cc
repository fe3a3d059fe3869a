#include "cublas.h"

#include <cstdlib>
#include <cstring>

namespace brevity {
namespace cuda {
namespace {

// Values of cublasLt.h and library_types.h.
constexpr int kFloat = 0, kBf16 = 14;                  // cudaDataType
constexpr int kComputeFp32 = 68, kComputeTf32 = 77;    // cublasComputeType_t
constexpr int kTransA = 3, kTransB = 4;                // cublasLtMatmulDescAttributes_t
constexpr int kBatchCount = 5, kBatchStride = 6;       // cublasLtMatrixLayoutAttribute_t
constexpr int kMostWorkspace = 1, kAlignmentA = 5;      // cublasLtMatmulPreferenceAttributes_t; B, C and D follow A
constexpr int kNormal = 0, kTransposed = 1;            // cublasOperation_t

struct Algorithm {
  uint64_t data[8];
};
struct Heuristic {
  Algorithm algorithm;
  size_t workspaceBytes;
  int state;
  float waves;
  int reserved[4];
};

void check(int status, const char* what) {
  if (status != 0) throw std::runtime_error("cuBLASLt could not " + std::string(what) + " (status " + std::to_string(status) + ")");
}

}  // namespace

struct Cublas::Functions {
  int (*create)(void**);
  int (*destroy)(void*);
  int (*descCreate)(void**, int, int);
  int (*descSet)(void*, int, const void*, size_t);
  int (*descDestroy)(void*);
  int (*layoutCreate)(void**, int, uint64_t, uint64_t, int64_t);
  int (*layoutSet)(void*, int, const void*, size_t);
  int (*layoutDestroy)(void*);
  int (*preferenceCreate)(void**);
  int (*preferenceSet)(void*, int, const void*, size_t);
  int (*preferenceDestroy)(void*);
  int (*heuristic)(void*, void*, void*, void*, void*, void*, void*, int, Heuristic*, int*);
  int (*matmul)(void*, void*, const void*, const void*, void*, const void*, void*, const void*, const void*, void*, void*,
                void*, const Algorithm*, void*, size_t, CUstream);
};

// How a shape is multiplied; `found` is false if there is no algorithm.
struct Cublas::Plan {
  const Functions& f;
  void *desc = nullptr, *a = nullptr, *b = nullptr, *c = nullptr;
  Algorithm algorithm{};
  bool found = false;

  explicit Plan(const Functions& f) : f(f) {}
  ~Plan() {
    if (desc != nullptr) f.descDestroy(desc);
    for (void* layout : {a, b, c})
      if (layout != nullptr) f.layoutDestroy(layout);
  }
};

std::unique_ptr<Cublas> Cublas::find() {
  const char* wanted = std::getenv("BREVITY_CUBLAS");
  if (wanted != nullptr && std::strcmp(wanted, "off") == 0) return nullptr;
  const Library library = Library::open(toolkitCandidates({"libcublasLt.so.13", "libcublasLt.so.12"}, "cublas"));
  if (!library) return nullptr;
  std::unique_ptr<Cublas> cublas(new Cublas);
  cublas->functions_ = std::make_unique<Functions>();
  Functions& f = *cublas->functions_;
  library.get("cublasLtCreate", &f.create);
  library.get("cublasLtDestroy", &f.destroy);
  library.get("cublasLtMatmulDescCreate", &f.descCreate);
  library.get("cublasLtMatmulDescSetAttribute", &f.descSet);
  library.get("cublasLtMatmulDescDestroy", &f.descDestroy);
  library.get("cublasLtMatrixLayoutCreate", &f.layoutCreate);
  library.get("cublasLtMatrixLayoutSetAttribute", &f.layoutSet);
  library.get("cublasLtMatrixLayoutDestroy", &f.layoutDestroy);
  library.get("cublasLtMatmulPreferenceCreate", &f.preferenceCreate);
  library.get("cublasLtMatmulPreferenceSetAttribute", &f.preferenceSet);
  library.get("cublasLtMatmulPreferenceDestroy", &f.preferenceDestroy);
  library.get("cublasLtMatmulAlgoGetHeuristic", &f.heuristic);
  library.get("cublasLtMatmul", &f.matmul);
  size_t (*version)() = nullptr;
  library.get("cublasLtGetVersion", &version);
  cublas->name_ = "cuBLASLt " + std::to_string(version()) + " (" + library.path() + ")";
  check(f.create(&cublas->handle_), "start");
  return cublas;
}

Cublas::~Cublas() {
  plans_.clear();
  if (handle_ != nullptr) functions_->destroy(handle_);
}

// cuBLAS is column-major and we are row-major: Cᵀ = op(B)ᵀ·op(A)ᵀ, so B comes first and M and N are exchanged.
const Cublas::Plan& Cublas::plan(const Gemm& g, Precision precision, uint32_t alignment, size_t workspaceBytes) {
  const Key key{g.batch,   g.M,       g.N,       g.K, g.lda, g.ldb, g.ldc, g.strideA, g.strideB, g.strideC,
                static_cast<int>(precision) * 8 + g.transA * 4 + g.transB * 2 + g.accumulate, alignment};
  auto& slot = plans_[key];
  if (slot != nullptr) return *slot;
  slot = std::make_unique<Plan>(*functions_);
  Plan& p = *slot;
  const Functions& f = *functions_;
  const int type = precision == Precision::bf16 ? kBf16 : kFloat;
  check(f.descCreate(&p.desc, precision == Precision::tf32 ? kComputeTf32 : kComputeFp32, kFloat), "describe a product");
  const int first = g.transB ? kTransposed : kNormal, second = g.transA ? kTransposed : kNormal;
  check(f.descSet(p.desc, kTransA, &first, sizeof first), "describe a product");
  check(f.descSet(p.desc, kTransB, &second, sizeof second), "describe a product");
  const auto layout = [&](void** made, int elements, int64_t rows, int64_t cols, int64_t stride, int64_t batchStride) {
    check(f.layoutCreate(made, elements, static_cast<uint64_t>(cols), static_cast<uint64_t>(rows), stride), "lay out a matrix");
    const auto count = static_cast<int32_t>(g.batch);
    check(f.layoutSet(*made, kBatchCount, &count, sizeof count), "lay out a matrix");
    check(f.layoutSet(*made, kBatchStride, &batchStride, sizeof batchStride), "lay out a matrix");
  };
  layout(&p.a, type, g.transA ? g.K : g.M, g.transA ? g.M : g.K, g.lda, g.strideA);
  layout(&p.b, type, g.transB ? g.N : g.K, g.transB ? g.K : g.N, g.ldb, g.strideB);
  layout(&p.c, kFloat, g.M, g.N, g.ldc, g.strideC);
  void* preference = nullptr;
  check(f.preferenceCreate(&preference), "choose");
  f.preferenceSet(preference, kMostWorkspace, &workspaceBytes, sizeof workspaceBytes);
  for (int i = 0; i < 4; i++) f.preferenceSet(preference, kAlignmentA + i, &alignment, sizeof alignment);
  Heuristic best{};
  int count = 0;
  const int status = f.heuristic(handle_, p.desc, p.b, p.a, p.c, p.c, preference, 1, &best, &count);
  f.preferenceDestroy(preference);
  p.found = status == 0 && count > 0 && best.state == 0;
  p.algorithm = best.algorithm;
  return p;
}

bool Cublas::multiply(const Gemm& g, Precision precision, const void* A, const void* B, void* workspace,
                      size_t workspaceBytes, CUstream stream) {
  // The largest alignment that all operands have, up to the one that cuBLASLt assumes by default.
  const auto bits = reinterpret_cast<uintptr_t>(A) | reinterpret_cast<uintptr_t>(B) | reinterpret_cast<uintptr_t>(g.C) | 256;
  const Plan& p = plan(g, precision, static_cast<uint32_t>(bits & (~bits + 1)), workspaceBytes);
  if (!p.found) return false;
  const float one = 1, keep = g.accumulate ? 1.0f : 0.0f;
  check(functions_->matmul(handle_, p.desc, &one, B, p.b, A, p.a, &keep, g.C, p.c, g.C, p.c, &p.algorithm, workspace,
                           workspaceBytes, stream),
        "multiply");
  return true;
}

}  // namespace cuda
}  // namespace brevity
