// The narrow interface between the TensorFlow.js backend (src/tensor/native/) and a device: memory by handle, copies,
// and the launch of an op by its index in a table. `cpu` (cpu_device.cc) runs an op at once on the calling thread,
// which shares the work with the thread pool. Other devices have the same ops under the same names.
//
// Leaves out tensors: TypeScript handles shapes, dtypes and reference counts, and passes ops what they need as params.
#pragma once
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace brevity {

using Handle = uint32_t;

// A device could not allocate; the addon passes it to JavaScript with the number of bytes.
struct OutOfMemory : std::runtime_error {
  explicit OutOfMemory(int64_t bytes) : std::runtime_error("out of memory"), bytes(bytes) {}
  int64_t bytes;
};

// A device that takes no more work in this process; the addon passes it to JavaScript with the code DEVICE_LOST.
struct DeviceLost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// An op's buffer. It holds exactly the tensor's bytes: 4 per element for float32 and int32, 1 for bool, and 2 for
// float32 that is kept in bfloat16, which the ops NAME/bf16 read.
struct Buffer {
  void* data;
  int64_t bytes;
};

// Buffers and numbers of one launch, in the order that the op's entry documents. `expect` checks sizes that an op
// derives from its params against its buffers: a wrong shape throws, and never reads out of bounds.
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
  // A param that is an exact integer: a size, an axis, a code.
  int64_t integer(int i) const { return static_cast<int64_t>(number(i)); }
  int64_t count(int i) const {
    const int64_t n = integer(i);
    if (n < 0) fail("has a negative size");
    return n;
  }
  [[noreturn]] void fail(const std::string& what) const { throw std::runtime_error(std::string(op) + " " + what); }
};

// Bytes in use, bytes kept for reuse, and the highest use so far.
struct MemoryUse {
  int64_t used, cached, peak;
  int64_t buffers;
};

// An op's number of runs and their total seconds on the device; products are listed by size.
struct OpTime {
  std::string op;
  int64_t count = 0;
  double seconds = 0;
};
// `seconds` runs from the first op's start to the last one's end: more than the ops' sum if the device waited.
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
  // The buffer's address if the host can write it directly, else null.
  virtual void* hostPointer(Handle handle, int64_t* bytes) = 0;
  virtual void launch(int op, const Handle* handles, int handleCount, const double* params, int paramCount) = 0;
  // From here on every launch runs and is also recorded, until the step ends. Nothing may be copied from or to the host
  // meanwhile, because a replay would not repeat it. The recording owns what the step allocates until it is disposed.
  virtual void beginRecording() = 0;
  // Returns the number of the recorded step. Throws if one of its ops failed.
  virtual int endRecording() = 0;
  // Discards the step that is being recorded.
  virtual void abandonRecording() = 0;
  // Repeats the step's launches on the same memory. Throws if a buffer from before the step was released since.
  virtual void replay(int recording) = 0;
  // Frees a step's memory; its buffers that are still in use become ordinary ones.
  virtual void disposeRecording(int recording) = 0;
  // Between the two calls each op is timed, including those of recorded steps, which are then replayed op by op. The
  // result lists the slowest first.
  virtual void startProfile() = 0;
  virtual Profile endProfile() = 0;
  // Waits until all launches are done.
  virtual void synchronize() = 0;
  virtual MemoryUse memory() const = 0;
  // Returns cached memory to the system.
  virtual void trim() = 0;
};

struct OpEntry {
  std::string name;
  std::function<void(const Launch&)> run;
};

// Every op of the cpu device, in an order that is fixed for the life of the process. `rounded`: its products round their
// operands to bfloat16.
const std::vector<OpEntry>& cpuOps(bool rounded = false);

}  // namespace brevity
