// A small persistent pool of threads, and scratch memory.
//
// The shapes of the inputs determine how work is divided into tasks, never the number of threads, and no two tasks
// write the same memory. Any thread may run any task; results are bit-identical for every number of threads.
#pragma once
#include <cstdint>

namespace brevity {

constexpr int kMaxThreads = 256;

// Number of threads that work on one kernel, including the caller: 1 to kMaxThreads (clamped). Stops and starts the
// pool's own threads.
void setThreads(int count);
int threads();

// Processors that this process may use.
int processors();

// Useful number of threads: min(threads(), tasks), at least 1.
int workersFor(int64_t tasks);

// Runs task(context, index, worker) for every index in [0, tasks) and returns when all are done. `worker`, below
// `workers`, is the running thread's number: no two tasks with the same worker run at the same time, so that each
// worker can have its own scratch. The caller works too (as worker 0), alone if the call comes from inside a task or
// while another thread of the process uses the pool. Tasks must not throw.
void runTasks(int64_t tasks, int workers, void (*task)(void* context, int64_t index, int worker), void* context);

// The same for a function object: f(index, worker).
template <class F>
inline void parallel(int64_t tasks, int workers, const F& f) {
  auto call = [](void* context, int64_t index, int worker) { (*static_cast<const F*>(context))(index, worker); };
  runTasks(tasks, workers, call, const_cast<void*>(static_cast<const void*>(&f)));
}

// Uninitialised floats on a 64-byte boundary, kept for the thread's next use when the object is destroyed. Must be
// destroyed by the thread that made it, in reverse order of creation. Throws std::bad_alloc.
class Scratch {
 public:
  explicit Scratch(int64_t floats);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  float* data() const { return data_; }

 private:
  float* data_;
  int64_t floats_;
};

// Frees the blocks that this thread keeps for Scratch.
void releaseScratch();

}  // namespace brevity
