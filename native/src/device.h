// The narrow interface between the TensorFlow.js backend (src/tensor/native/) and whatever computes: memory by handle,
// copies, and the launch of an op by its place in a table. `cpu` (cpu_device.cc) runs an op at once on the calling
// thread, which shares the work with the thread pool. Another device has the same ops under the same names.
//
// Leaves out tensors: shapes, dtypes and reference counts are TypeScript's. What an op needs of them comes as params.
#pragma once
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace brevity {

using Handle = uint32_t;

// A device could not allocate; the addon gives it to JavaScript with the number of bytes.
struct OutOfMemory : std::runtime_error {
  explicit OutOfMemory(int64_t bytes) : std::runtime_error("out of memory"), bytes(bytes) {}
  int64_t bytes;
};

// A device that takes no more work in this process; the addon gives it to JavaScript with the code DEVICE_LOST.
struct DeviceLost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What an op is given. A buffer holds exactly the tensor's bytes: float32 and int32 take 4 an element, bool 1, and
// float32 that is kept in bfloat16, which the ops NAME/bf16 read, 2.
struct Buffer {
  void* data;
  int64_t bytes;
};

// Buffers and numbers of one launch, in the order that the op's entry documents. Sizes that an op derives from its
// params are checked against its buffers with `expect`: a wrong shape throws, and never reads past an end.
struct Launch {
  const char* op;
  const Buffer* buffers;
  int bufferCount;
  const double* params;
  int paramCount;

  const Buffer& buffer(int i) const {
    if (i < 0 || i >= bufferCount) fail("has too few buffers");
    return buffers[i];
  }
  // Buffer i as an array of T of at least n elements.
  template <typename T>
  T* as(int i, int64_t n) const {
    const Buffer& b = buffer(i);
    if (n < 0 || n > b.bytes / static_cast<int64_t>(sizeof(T)))
      fail("needs " + std::to_string(n) + " elements in buffer " + std::to_string(i) + ", which has " +
           std::to_string(b.bytes) + " bytes");
    return static_cast<T*>(b.data);
  }
  float* floats(int i, int64_t n) const { return as<float>(i, n); }
  int32_t* ints(int i, int64_t n) const { return as<int32_t>(i, n); }
  uint16_t* halves(int i, int64_t n) const { return as<uint16_t>(i, n); }
  double number(int i) const {
    if (i < 0 || i >= paramCount) fail("has too few params");
    return params[i];
  }
  // A param that is an exact whole number: a size, an axis, a code.
  int64_t integer(int i) const { return static_cast<int64_t>(number(i)); }
  int64_t count(int i) const {
    const int64_t n = integer(i);
    if (n < 0) fail("has a negative size");
    return n;
  }
  [[noreturn]] void fail(const std::string& what) const { throw std::runtime_error(std::string(op) + " " + what); }
};

// Bytes in use, kept for reuse, and the most that was ever in use.
struct MemoryUse {
  int64_t used, cached, peak;
  int64_t buffers;
};

// Times an op ran and seconds that it took on the device, all times together; products by their sizes.
struct OpTime {
  std::string op;
  int64_t count = 0;
  double seconds = 0;
};
// `seconds` is from the first op's beginning to the last one's end: more than the ops' sum where the device waited.
struct Profile {
  double seconds;
  std::vector<OpTime> ops;
};

class Device {
 public:
  virtual ~Device() = default;
  // Uninitialised memory, aligned to 64 bytes. Throws OutOfMemory.
  virtual Handle allocate(int64_t bytes) = 0;
  virtual void release(Handle handle) = 0;
  virtual void copyIn(Handle to, int64_t offset, const void* from, int64_t bytes) = 0;
  virtual void copyOut(Handle from, int64_t offset, void* to, int64_t bytes) = 0;
  // The buffer's address where the host can write it directly, else null.
  virtual void* hostPointer(Handle handle, int64_t* bytes) = 0;
  virtual void launch(int op, const Handle* handles, int handleCount, const double* params, int paramCount) = 0;
  // From here on every launch is done and also noted, until the step ends. Nothing may be copied from or to the host
  // meanwhile: a replay would not do it. What the step allocates is the recording's until that is disposed of.
  virtual void beginRecording() = 0;
  // The number of the recorded step. Throws where an op of it failed.
  virtual int endRecording() = 0;
  // Forgets the step that is being recorded.
  virtual void abandonRecording() = 0;
  // Does the step's launches again, on the same memory. Throws where a buffer from before the step was released since.
  virtual void replay(int recording) = 0;
  // Gives a step's memory back; buffers of it that are still in use live on like any others.
  virtual void disposeRecording(int recording) = 0;
  // Between the two calls each op is timed, of recorded steps too, which are then replayed op by op. What takes longest
  // comes first.
  virtual void startProfile() = 0;
  virtual Profile endProfile() = 0;
  // Waits until everything launched is done.
  virtual void synchronize() = 0;
  virtual MemoryUse memory() const = 0;
  // Gives cached memory back to the system.
  virtual void trim() = 0;
};

struct OpEntry {
  std::string name;
  std::function<void(const Launch&)> run;
};

// Every op of the cpu device, in an order that holds for the life of the process.
const std::vector<OpEntry>& cpuOps();

}  // namespace brevity
