// The device `cuda-emulated`: the kernels of native/cuda as C++, for tests. Every buffer is a separate allocation of
// its exact size, so that AddressSanitizer sees out-of-bounds accesses, and filled with NaN, so that tests notice
// elements that a kernel does not write.
#include <cstdlib>
#include <cstring>

#include "device.h"

namespace brevity {
namespace cuda {

#if defined(BREVITY_EMULATED)
namespace {

class EmulatedDevice : public OpDevice {
 public:
  EmulatedDevice(int64_t memoryLimit, Precision precision, bool library)
      : limit_(memoryLimit), precision_(precision), library_(library) {}
  ~EmulatedDevice() override { releaseAll(); }

  void synchronize() override {}
  void trim() override {}
  std::string description() override { return "the CUDA kernels in an emulator on this processor, for tests"; }
  double seconds(const std::function<void()>&) override { throw std::runtime_error("an emulated device measures nothing"); }

 protected:
  void run(int op, const Launch& launch) override {
    OpDevice::run(op, launch);
    throwFault();
  }
  void* takeMemory(int64_t bytes) override {
    if (bytes > limit_ - inUse_) throw OutOfMemory(bytes);
    // Distinct buffers have distinct addresses even if they are empty.
    void* const memory = std::malloc(static_cast<size_t>(bytes > 0 ? bytes : 1));
    if (memory == nullptr) throw OutOfMemory(bytes);
    std::memset(memory, 0xff, static_cast<size_t>(bytes));
    inUse_ += bytes;
    return memory;
  }
  void giveMemory(void* memory, int64_t bytes) override {
    inUse_ -= bytes;
    std::free(memory);
  }
  void write(void* to, const void* from, int64_t bytes) override { if (bytes > 0) std::memcpy(to, from, static_cast<size_t>(bytes)); }
  void readMemory(const std::vector<HostCopy>& copies) override {
    for (const HostCopy& copy : copies) std::memcpy(copy.to, copy.from, static_cast<size_t>(copy.bytes));
  }
  int64_t cached() const override { return 0; }

  void launch(const Kernel& kernel, const Geometry& geometry, void** arguments) override {
    if (kernel.invoke == nullptr) throw std::runtime_error("this build has no emulated kernels");
    emulator::run(kernel.name, kernel.invoke, arguments, geometry.blocks, geometry.threads, geometry.sharedBytes);
  }
  bool hasProducts() const override { return library_; }
  // Replaces cuBLASLt, to test the code around its call.
  bool product(const Gemm& g, Precision precision, const void* A, const void* B) override {
    const auto value = [&](const void* operand, int64_t at) {
      if (precision != Precision::bf16) return static_cast<const float*>(operand)[at];
      return __uint_as_float(static_cast<uint32_t>(static_cast<const uint16_t*>(operand)[at]) << 16);
    };
    for (int64_t b = 0; b < g.batch; b++)
      for (int64_t m = 0; m < g.M; m++)
        for (int64_t n = 0; n < g.N; n++) {
          float* const at = g.C + b * g.strideC + m * g.ldc + n;
          double sum = g.accumulate ? *at : 0;
          for (int64_t k = 0; k < g.K; k++)
            sum += static_cast<double>(value(A, b * g.strideA + (g.transA ? k * g.lda + m : m * g.lda + k))) *
                   value(B, b * g.strideB + (g.transB ? n * g.ldb + k : k * g.ldb + n));
          *at = static_cast<float>(sum);
        }
    return true;
  }
  Precision precision() const override { return precision_; }
  // Few, so that even small tensors take several strides.
  int multiprocessors() const override { return 2; }

 private:
  const int64_t limit_;
  const Precision precision_;
  const bool library_;
  int64_t inUse_ = 0;
};

}  // namespace

std::unique_ptr<OpDevice> makeEmulatedDevice(int64_t memoryLimit, Precision precision, bool library) {
  return std::make_unique<EmulatedDevice>(memoryLimit, precision, library);
}

#else

std::unique_ptr<OpDevice> makeEmulatedDevice(int64_t, Precision, bool) {
  throw std::runtime_error("this build has no emulated CUDA kernels: they are built for tests only");
}

#endif

}  // namespace cuda
}  // namespace brevity
