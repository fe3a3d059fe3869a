// Recorded steps as CUDA graphs, over a fake driver (fake/graphs.c).
#include <dlfcn.h>

#include "../graphs.h"
#include "devices.h"

using brevity::Handle;
using brevity::cuda::Graphs;

namespace {

long long graphLaunches() {
  void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  const auto* const count = static_cast<long long*>(dlsym(library, "graphLaunches"));
  dlclose(library);
  return *count;
}

// A GPU with a recorded step of two ops.
struct Recorded {
  OpenDevice opened = openGpu();
  brevity::Device& device = *opened.device;
  const Handle x = device.allocate(16), y = device.allocate(16);
  int id = 0;

  Recorded() {
    device.beginRecording();
    launch("Sqrt", x, y);
    launch("Neg", y, x);
    id = device.endRecording();
  }
  void launch(const char* op, Handle from, Handle to) {
    const Handle handles[] = {from, to};
    const double params[] = {4, 0};
    device.launch(opened.op(op), handles, 2, params, 2);
  }
};

}  // namespace

TEST(graphsReplayRecordedSteps) {
  if (!fake) return;
  Recorded step;
  const auto before = step.device.memory();
  const long long launched = graphLaunches();
  for (int i = 0; i < 3; i++) step.device.replay(step.id);
  CHECK(graphLaunches() == launched + 3);
  CHECK(step.device.memory().used == before.used && step.device.memory().peak == before.peak);
  // A step without ops.
  step.device.beginRecording();
  step.device.replay((step.id = step.device.endRecording()));
  CHECK(graphLaunches() == launched + 3);
  for (const char* variable : {"BREVITY_CUDA_GRAPHS", "BREVITY_CUDA_SYNC"}) {
    const Variable opByOp(variable, "off");
    Recorded other;
    other.device.replay(other.id);
    CHECK(graphLaunches() == launched + 3);
  }
}

TEST(graphsFail) {
  if (!fake) return;
  const LeaksAllowed allowed;
  Recorded step;
  {
    const Variable memory("FAKE_CUDA_GRAPHS", "2");
    CHECK_THROWS(step.device.replay(step.id), "out of memory");
  }
  step.device.replay(step.id);
  {
    const Variable broken("FAKE_CUDA_STREAM", "700");
    CHECK_THROWS(step.device.synchronize(), "the GPU could not finish at or before op Neg: CUDA_ERROR_ILLEGAL_ADDRESS");
  }
  CHECK_THROWS(step.device.replay(step.id), "a new process goes on from there");
  step.device.disposeRecording(step.id);

  Recorded refused;
  const Variable spoilt("FAKE_CUDA_GRAPHS", "901");
  CHECK_THROWS(refused.device.replay(refused.id), "the GPU could not record a step at or before op Neg");

  const Variable each("BREVITY_CUDA_SYNC", "1");
  Recorded named;
  const Variable broken("FAKE_CUDA_STREAM", "719");
  CHECK_THROWS(named.device.replay(named.id), "the GPU could not finish in op Sqrt: CUDA_ERROR_LAUNCH_FAILED");
}

TEST(capturesEndHoweverTheyEnd) {
  if (!fake) return;
  const OpenDevice gpu = openGpu();
  const auto& driver = brevity::cuda::Driver::get();
  brevity::cuda::CUstream stream = nullptr;
  driver.streamCreate(&stream, 0);
  Graphs graphs(driver);
  CHECK_THROWS(graphs.capture(1, stream, [] { throw std::runtime_error("an op failed"); }), "an op failed");
  CHECK(!graphs.has(1));
  // Waits and allocations invalidate a capture.
  brevity::cuda::CUdeviceptr memory = 0;
  CHECK(graphs.capture(1, stream, [&] { CHECK(driver.streamQuery(stream) == 900); }) == 901);
  CHECK(graphs.capture(1, stream, [&] { CHECK(driver.allocate(&memory, 4, stream) == 900); }) == 901);
  CHECK(!graphs.has(1));
  CHECK(graphs.capture(1, stream, [] {}) == 0 && graphs.has(1));
  graphs.forget(1);
  CHECK(!graphs.has(1));
  driver.streamDestroy(stream);
}
