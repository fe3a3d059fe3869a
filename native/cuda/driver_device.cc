// The device on an NVIDIA GPU: one context, one stream, memory from the driver's stream-ordered pool, which keeps freed
// memory for the next request, and copies through pinned memory.
//
// Everything is asynchronous: a kernel's error shows at a later call. BREVITY_CUDA_SYNC=1 waits after each op, so that
// an error names the op that caused it. A stream that does not finish within BREVITY_CUDA_TIMEOUT seconds (300) is
// given up. After such errors the context is lost: every later call throws DeviceLost, the driver is not called again,
// because it might wait for ever, and only a new process can open the GPU again.
//
// A recorded step is replayed as a graph (graphs.h), or op by op if each op waits or BREVITY_CUDA_GRAPHS=off.
//
// **Has not run on hardware yet** (docs/cuda.md).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "cublas.h"
#include "device.h"
#include "driver.h"
#include "graphs.h"
#include "modules.h"
#include "transfers.h"

namespace brevity {
namespace cuda {
namespace {

constexpr size_t kWorkspace = size_t{32} << 20;  // for cuBLASLt

using Clock = std::chrono::steady_clock;

std::string inText(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

bool isOff(const char* variable) {
  const char* text = std::getenv(variable);
  return text != nullptr && std::strcmp(text, "off") == 0;
}

double secondsOf(const char* variable, double otherwise) {
  const char* text = std::getenv(variable);
  const double seconds = text != nullptr ? std::atof(text) : 0;
  return seconds > 0 ? seconds : otherwise;
}

class DriverDevice : public OpDevice, private Watch {
 public:
  DriverDevice(int ordinal, int64_t memoryLimit, bool poison, Precision precision)
      : driver_(Driver::get()), limit_(memoryLimit), poison_(poison), precision_(precision),
        eachOpWaits_(std::getenv("BREVITY_CUDA_SYNC") != nullptr),
        replaysGraphs_(!eachOpWaits_ && !isOff("BREVITY_CUDA_GRAPHS")),
        timeout_(secondsOf("BREVITY_CUDA_TIMEOUT", 300)), graphs_(driver_), transfers_(driver_, *this) {
    int count = 0;
    check(driver_.deviceCount(&count), "count the GPUs");
    if (ordinal < 0 || ordinal >= count)
      throw std::runtime_error("there is no GPU " + std::to_string(ordinal) + "; the driver has " + std::to_string(count));
    check(driver_.deviceGet(&device_, ordinal), "open the GPU");
    major_ = attribute(kMajor);
    minor_ = attribute(kMinor);
    multiprocessors_ = attribute(kMultiprocessors);
    char name[128] = {0};
    check(driver_.deviceName(name, sizeof name, device_), "name the GPU");
    name_ = name;
    if (attribute(kPoolsSupported) == 0)
      throw std::runtime_error(name_ + " has no stream-ordered memory, which this backend needs");
    check(driver_.contextRetain(&context_, device_), "open the GPU");
    try {
      start();
    } catch (...) {
      stop();
      throw;
    }
  }

  ~DriverDevice() override {
    if (!lost_) {
      driver_.contextSet(context_);
      try {
        releaseAll();
        wait("the end");
      } catch (const std::exception&) {
        // The context is lost; the process will end with it.
      }
    }
    stop();
  }

  void synchronize() override {
    wait("what was launched");
    throwFault();
  }

  void trim() override {
    wait("what was launched");
    check(driver_.poolTrim(pool_, 0), "give memory back");
  }

  std::string description() override {
    size_t total = 0;
    driver_.deviceMemory(&total, device_);
    return name_ + ", compute capability " + std::to_string(major_) + "." + std::to_string(minor_) + ", " +
           std::to_string(total >> 20) + " MiB, driver for CUDA " + std::to_string(driver_.version / 1000) + "." +
           std::to_string(driver_.version % 1000 / 10) + ", kernels from " + modules_->origin() + ", products by " +
           (cublas_ != nullptr ? cublas_->name() : "our own kernels");
  }

  double seconds(const std::function<void()>& work) override {
    work();  // loads modules and plans
    const int begin = mark();
    work();
    const int end = mark();
    wait("a measurement");
    return between(begin, end);
  }

 protected:
  void run(int op, const Launch& launch) override {
    expectAlive();
    OpDevice::run(op, launch);
    if (!eachOpWaits_) return;
    wait(opName(op));
    throwFault();
  }

  void play(int id, const Recording& recording) override {
    expectAlive();
    if (!replaysGraphs_ || isProfiled() || recording.steps().empty()) return OpDevice::play(id, recording);
    if (!graphs_.has(id))
      check(graphs_.capture(id, stream_, [&] { OpDevice::play(id, recording); }), "record a step");
    // An error in a graph shows after it, and any of its ops may have caused it.
    setCurrentOp(recording.steps().back().op);
    check(graphs_.launch(id, stream_), "replay a step");
  }

  int mark() override {
    expectAlive();
    if (marked_ == marks_.size()) {
      CUevent event = nullptr;
      check(driver_.eventCreate(&event, 0), "make an event");
      marks_.push_back(event);
    }
    check(driver_.eventRecord(marks_[marked_], stream_), "measure");
    return static_cast<int>(marked_++);
  }
  double between(int from, int to) override {
    float milliseconds = 0;
    check(driver_.eventElapsed(&milliseconds, marks_[static_cast<size_t>(from)], marks_[static_cast<size_t>(to)]), "measure");
    return milliseconds / 1e3;
  }
  void forgetMarks() override { marked_ = 0; }

  void forget(int id) override {
    if (!lost_) graphs_.forget(id);
  }

  void* takeMemory(int64_t bytes) override {
    expectAlive();
    if (bytes > limit_ - inUse_) throw OutOfMemory(bytes);
    CUdeviceptr memory = 0;
    const auto size = static_cast<size_t>(std::max<int64_t>(bytes, 1));
    CUresult result = driver_.allocate(&memory, size, stream_);
    if (result == kOutOfMemory) {
      // The driver can return freed memory only once the work that used it is done.
      wait("memory");
      driver_.poolTrim(pool_, 0);
      result = driver_.allocate(&memory, size, stream_);
    }
    if (result == kOutOfMemory) throw OutOfMemory(bytes);
    check(result, "allocate memory");
    inUse_ += bytes;
    if (poison_) check(driver_.fillBytes(memory, 0xff, size, stream_), "fill memory");
    return reinterpret_cast<void*>(memory);
  }

  void giveMemory(void* memory, int64_t bytes) override {
    inUse_ -= bytes;
    if (!lost_) check(driver_.free(reinterpret_cast<CUdeviceptr>(memory), stream_), "free memory");
  }

  void write(void* to, const void* from, int64_t bytes) override {
    expectAlive();
    transfers_.write(to, from, bytes);
  }
  void readMemory(const std::vector<HostCopy>& copies) override {
    expectAlive();
    transfers_.read(copies);
  }

  int64_t cached() const override {
    uint64_t reserved = 0;
    if (lost_ || driver_.poolGet(pool_, kReservedBytes, &reserved) != 0) return 0;
    return std::max<int64_t>(0, static_cast<int64_t>(reserved) - inUse_);
  }

  void launch(const Kernel& kernel, const Geometry& g, void** arguments) override {
    expectAlive();
    check(driver_.launch(functionOf(kernel, g.sharedBytes), g.blocks.x, g.blocks.y, g.blocks.z, g.threads.x, g.threads.y,
                         g.threads.z, static_cast<unsigned>(g.sharedBytes), stream_, arguments, emulated(kernel)),
          "launch a kernel");
  }

  bool hasProducts() const override { return cublas_ != nullptr; }
  bool product(const Gemm& g, Precision precision, const void* A, const void* B) override {
    if (workspace_ == nullptr) workspace_ = takeMemory(kWorkspace);
    return cublas_->multiply(g, precision, A, B, workspace_, kWorkspace, stream_);
  }
  Precision precision() const override { return precision_; }
  int multiprocessors() const override { return multiprocessors_; }

 private:
  int attribute(int which) const {
    int value = 0;
    if (driver_.deviceAttribute(&value, which, device_) != 0) return 0;
    return value;
  }

  void start() {
    check(driver_.contextSet(context_), "open the GPU");
    modules_ = std::make_unique<Modules>(driver_, major_, minor_);
    check(driver_.streamCreate(&stream_, kNonBlocking), "make a stream");
    check(driver_.defaultPool(&pool_, device_), "open the GPU's memory");
    uint64_t keepAll = UINT64_MAX;
    check(driver_.poolSet(pool_, kReleaseThreshold, &keepAll), "keep the GPU's memory");
    transfers_.open(stream_);
    cublas_ = Cublas::find();
  }

  void stop() {
    if (lost_) {
      // Their destructors would call a driver that may not answer.
      cublas_.release();
      modules_.release();
      graphs_.abandon();
      return;
    }
    if (workspace_ != nullptr) driver_.free(reinterpret_cast<CUdeviceptr>(workspace_), stream_);
    cublas_.reset();
    modules_.reset();
    transfers_.close();
    for (const CUevent event : marks_) driver_.eventDestroy(event);
    if (stream_ != nullptr) driver_.streamDestroy(stream_);
    driver_.contextRelease(device_);
  }

  CUfunction functionOf(const Kernel& kernel, int64_t sharedBytes) {
    try {
      return modules_->find(kernel, sharedBytes);
    } catch (const std::exception&) {
      // If an earlier kernel failed, that is the reason, rather than this one's module.
      const CUresult earlier = driver_.streamQuery(stream_);
      if (earlier != kNotReady) check(earlier, "finish");
      throw;
    }
  }

  // For a fake driver in tests, which has no GPU and runs kernels in the emulator: how to run this one.
  void** emulated(const Kernel& kernel) {
#if defined(BREVITY_EMULATED)
    if (!driver_.forTests) return nullptr;
    emulated_[0] = reinterpret_cast<void*>(&emulator::run);
    emulated_[1] = const_cast<char*>(kernel.name);
    emulated_[2] = reinterpret_cast<void*>(kernel.invoke);
    return emulated_;
#else
    (void)kernel;
    return nullptr;
#endif
  }

  void expectAlive() const {
    if (lost_) throw DeviceLost(lostBecause_);
  }

  // Nearly every error leaves the context unusable.
  void check(CUresult result, const char* what) override {
    if (result == 0) return;
    if (result == kOutOfMemory) throw OutOfMemory(0);
    lose("the GPU could not " + std::string(what) + place() + ": " + driver_.describe(result));
  }

  // Where it happened, as far as is known: without waits an earlier op may have caused it.
  std::string place() const {
    const std::string op = currentOp();
    return op.empty() ? "" : eachOpWaits_ ? " in op " + op : " at or before op " + op;
  }

  [[noreturn]] void lose(const std::string& why) {
    lost_ = true;
    lostBecause_ = why + "; what was finished before is kept, and a new process goes on from there" +
                   (eachOpWaits_ ? "" : " (BREVITY_CUDA_SYNC=1 makes it name the op exactly)");
    throw DeviceLost(lostBecause_);
  }

  void waitFor(const std::function<CUresult()>& done, const char* what) override {
    const auto from = Clock::now();
    for (int64_t turn = 0;; turn++) {
      const CUresult result = done();
      if (result != kNotReady) return check(result, "finish");
      // Short waits are polled; a long one yields the processor to other threads.
      if (turn < 2000) continue;
      if (std::chrono::duration<double>(Clock::now() - from).count() > timeout_)
        lose("the GPU did not finish " + std::string(what) + place() + " within " + inText(timeout_) +
             " seconds (BREVITY_CUDA_TIMEOUT sets how many it is given)");
      std::this_thread::sleep_for(std::chrono::microseconds(turn < 4000 ? 20 : 200));
    }
  }

  void wait(const char* what) {
    expectAlive();
    waitFor([&] { return driver_.streamQuery(stream_); }, what);
  }

  const Driver& driver_;
  const int64_t limit_;
  const bool poison_;
  const Precision precision_;
  const bool eachOpWaits_, replaysGraphs_;
  const double timeout_;
  Graphs graphs_;
  Transfers transfers_;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
  CUstream stream_ = nullptr;
  CUmemoryPool pool_ = nullptr;
  std::vector<CUevent> marks_;  // `marked_` of them are taken
  size_t marked_ = 0;
  int major_ = 0, minor_ = 0, multiprocessors_ = 1;
  std::string name_;
  std::unique_ptr<Modules> modules_;
  std::unique_ptr<Cublas> cublas_;
  void* workspace_ = nullptr;
  void* emulated_[3] = {nullptr, nullptr, nullptr};
  int64_t inUse_ = 0;
  bool lost_ = false;
  std::string lostBecause_;
};

}  // namespace

std::unique_ptr<OpDevice> makeDriverDevice(int ordinal, int64_t memoryLimit, bool poison, Precision precision) {
  return std::make_unique<DriverDevice>(ordinal, memoryLimit, poison, precision);
}

}  // namespace cuda
}  // namespace brevity
