#include "threads.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace brevity {
namespace {

// Number of polls before a waiting thread sleeps: some tens of microseconds, the gap between two kernels of a step.
constexpr int kSpins = 4000;

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

struct Job {
  void (*task)(void*, int64_t, int) = nullptr;
  void* context = nullptr;
  int64_t tasks = 0;
  int workers = 1;
};

// Runs one job at a time. A thread enters a job while it is open; the caller closes it when no unstarted task remains,
// and waits for the threads that entered. It does not wait for a thread that wakes too late.
class Pool {
 public:
  explicit Pool(int count) : count_(count) {
    for (int worker = 1; worker < count; worker++) threads_.emplace_back([this, worker] { work(worker); });
  }

  ~Pool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ending_.store(true);
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  int count() const { return count_; }

  void run(const Job& job) {
    job_ = job;
    next_.store(0, std::memory_order_relaxed);
    state_.store(((state_.load() >> kShift) + 1) << kShift | kOpen);
    if (sleeping_.load() > 0) {
      // A thread holds the mutex from its last look at the state until it sleeps, so taking the mutex here ensures that
      // it is woken.
      { std::lock_guard<std::mutex> lock(mutex_); }
      wake_.notify_all();
    }
    drain(0);
    state_.fetch_and(~kOpen);
    for (int spins = 0; (state_.load() & kActive) != 0; spins++) {
      // A thread of the pool may be waiting for this processor.
      if (spins < kSpins) {
        pause();
      } else {
        std::this_thread::yield();
      }
    }
  }

 private:
  // state_: the job's number, whether it is open, and the number of threads in it.
  static constexpr int kShift = 16;
  static constexpr uint64_t kOpen = 1 << 15, kActive = kOpen - 1;

  void drain(int worker) {
    for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < job_.tasks;) job_.task(job_.context, i, worker);
  }

  bool offers(uint64_t seen) const {
    uint64_t state = state_.load();
    return (state & kOpen) != 0 && state >> kShift != seen;
  }

  void work(int worker) {
    for (uint64_t seen = 0;;) {
      for (int spins = 0; !offers(seen) && spins < kSpins; spins++) pause();
      if (!offers(seen)) {
        std::unique_lock<std::mutex> lock(mutex_);
        sleeping_.fetch_add(1);
        wake_.wait(lock, [&] { return offers(seen) || ending_.load(); });
        sleeping_.fetch_sub(1);
        if (ending_.load()) return;
      }
      uint64_t state = state_.load();
      while ((state & kOpen) != 0 && state >> kShift != seen) {
        if (!state_.compare_exchange_weak(state, state + 1)) continue;
        seen = state >> kShift;
        if (worker < job_.workers) drain(worker);
        state_.fetch_sub(1);
        break;
      }
    }
  }

  const int count_;
  Job job_;
  std::atomic<int64_t> next_{0};
  std::atomic<uint64_t> state_{0};
  std::atomic<int> sleeping_{0};
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> threads_;
};

// Guards `pool`; held while the pool works. Never destroyed, because threads may still sleep in it when the process
// ends.
std::mutex& poolMutex() {
  static std::mutex* mutex = new std::mutex;
  return *mutex;
}
Pool* pool = nullptr;
std::atomic<int> wanted{0};

thread_local bool inTask = false;

}  // namespace

int processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
#endif
  unsigned count = std::thread::hardware_concurrency();
  return count == 0 ? 1 : static_cast<int>(count);
}

int threads() {
  int count = wanted.load();
  if (count > 0) return count;
  int found = processors();
  return found < kMaxThreads ? found : kMaxThreads;
}

void setThreads(int count) {
  std::lock_guard<std::mutex> lock(poolMutex());
  count = count < 1 ? 1 : count > kMaxThreads ? kMaxThreads : count;
  wanted.store(count);
  if (pool != nullptr && pool->count() != count) {
    delete pool;
    pool = nullptr;
  }
}

int workersFor(int64_t tasks) {
  int count = threads();
  return tasks < count ? (tasks < 1 ? 1 : static_cast<int>(tasks)) : count;
}

void runTasks(int64_t tasks, int workers, void (*task)(void*, int64_t, int), void* context) {
  if (tasks <= 0) return;
  if (tasks > 1 && workers > 1 && !inTask && threads() > 1) {
    std::unique_lock<std::mutex> lock(poolMutex(), std::try_to_lock);
    if (lock.owns_lock()) {
      int count = threads();
      if (pool == nullptr || pool->count() != count) {
        delete pool;
        pool = new Pool(count);
      }
      struct Marked {
        void (*task)(void*, int64_t, int);
        void* context;
      } marked{task, context};
      pool->run({[](void* m, int64_t i, int worker) {
                   inTask = true;
                   static_cast<Marked*>(m)->task(static_cast<Marked*>(m)->context, i, worker);
                   inTask = false;
                 },
                 &marked, tasks, workers});
      return;
    }
  }
  bool outer = inTask;
  inTask = true;
  for (int64_t i = 0; i < tasks; i++) task(context, i, 0);
  inTask = outer;
}

namespace {

struct Block {
  float* data = nullptr;
  int64_t floats = 0;
};

void freeBlock(float* data) {
#if defined(_WIN32)
  _aligned_free(data);
#else
  std::free(data);
#endif
}

// Unused blocks, and those that a Scratch holds. Each thread has few, because kernels nest only two or three deep.
struct Kept {
  std::vector<Block> free;
  ~Kept() {
    for (Block& block : free) freeBlock(block.data);
  }
};
thread_local Kept kept;
constexpr size_t kKeptBlocks = 4;

float* allocate(int64_t floats) {
  size_t bytes = (static_cast<size_t>(floats) * sizeof(float) + 63) / 64 * 64;
  void* data = nullptr;
#if defined(_WIN32)
  data = _aligned_malloc(bytes, 64);
#else
  if (posix_memalign(&data, 64, bytes) != 0) data = nullptr;
#endif
  if (data == nullptr) throw std::bad_alloc();
  return static_cast<float*>(data);
}

}  // namespace

Scratch::Scratch(int64_t floats) : data_(nullptr), floats_(floats < 16 ? 16 : floats) {
  size_t best = kept.free.size();
  for (size_t i = 0; i < kept.free.size(); i++) {
    if (kept.free[i].floats < floats_) continue;
    if (best == kept.free.size() || kept.free[i].floats < kept.free[best].floats) best = i;
  }
  if (best < kept.free.size()) {
    data_ = kept.free[best].data;
    floats_ = kept.free[best].floats;
    kept.free.erase(kept.free.begin() + static_cast<int64_t>(best));
    return;
  }
  data_ = allocate(floats_);
}

Scratch::~Scratch() {
  if (kept.free.size() == kKeptBlocks) {
    size_t smallest = 0;
    for (size_t i = 1; i < kept.free.size(); i++)
      if (kept.free[i].floats < kept.free[smallest].floats) smallest = i;
    if (kept.free[smallest].floats >= floats_) {
      freeBlock(data_);
      return;
    }
    freeBlock(kept.free[smallest].data);
    kept.free[smallest] = {data_, floats_};
    return;
  }
  kept.free.push_back({data_, floats_});
}

void releaseScratch() {
  for (Block& block : kept.free) freeBlock(block.data);
  kept.free.clear();
}

}  // namespace brevity
