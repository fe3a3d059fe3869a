// Matrix products by cuBLASLt, if the machine has it (the CUDA toolkit, or Python packages).
#pragma once
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "driver.h"
#include "stream.h"

namespace brevity {
namespace cuda {

class Cublas {
 public:
  // Null if there is no library, or BREVITY_CUBLAS is `off`. Uses the current context.
  static std::unique_ptr<Cublas> find();
  ~Cublas();
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;

  // C = op(A)·op(B) (+ C); the caller adds bias and activation. Returns false if cuBLASLt has no algorithm for it. bf16
  // operands are dense copies: A [batch, M, K] or [batch, K, M] with lda, as `product` says.
  bool multiply(const Gemm& product, Precision precision, const void* A, const void* B, void* workspace,
                size_t workspaceBytes, CUstream stream);
  const std::string& name() const { return name_; }

 private:
  Cublas() = default;
  struct Functions;
  struct Plan;
  using Key = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int, uint32_t>;
  const Plan& plan(const Gemm& product, Precision precision, uint32_t alignment, size_t workspaceBytes);

  std::string name_;
  std::unique_ptr<Functions> functions_;
  void* handle_ = nullptr;
  std::map<Key, std::unique_ptr<Plan>> plans_;
};

}  // namespace cuda
}  // namespace brevity
