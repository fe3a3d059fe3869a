// The device on a GPU, over a fake driver (fake/libcuda.c): memory, copies, errors. `tests --fake` runs these, and
// every other test's launches, whose kernels must be found in the PTX of their module.
#include <cstdlib>

#include "devices.h"

using brevity::Handle;
using brevity::cuda::makeDriverDevice;
using brevity::cuda::Precision;

TEST(driverCopies) {
  if (!fake) return;
  const auto device = makeDriverDevice(0, int64_t{4} << 30, false, Precision::bf16);
  CHECK(device->description().find("a card that is none, compute capability 9.0, 1024 MiB, driver for CUDA 13.0, "
                                   "kernels from PTX") == 0);
  // More than all pinned buffers together hold, in one piece and in odd pieces.
  std::vector<char> values(static_cast<size_t>(70 << 20) + 13);
  for (size_t i = 0; i < values.size(); i++) values[i] = static_cast<char>(i * 2654435761u >> 24);
  const auto bytes = static_cast<int64_t>(values.size());
  const Handle handle = device->allocate(bytes);
  for (const int64_t piece : {bytes, int64_t{1000003}}) {
    for (int64_t at = 0; at < bytes; at += piece)
      device->copyIn(handle, at, values.data() + at, std::min(piece, bytes - at));
    std::vector<char> back(values.size());
    device->copyOut(handle, 0, back.data(), bytes);
    CHECK(back == values);
  }
  char few[5];
  device->copyOut(handle, 777, few, 5);
  CHECK(std::string(few, 5) == std::string(values.data() + 777, 5));
  CHECK_THROWS(device->copyOut(handle, bytes - 4, few, 5), "does not fit into a buffer");
  device->release(handle);
  CHECK_THROWS(device->release(handle), "does not exist or was released");
  CHECK(device->memory().used == 0 && device->memory().peak == bytes);
}

TEST(driverCopiesBringFaults) {
  if (!fake) return;
  const Variable computes("FAKE_CUDA_COMPUTES", "1");
  const OpenDevice opened = openGpu();
  auto& device = *opened.device;
  // Exactly fills the pinned memory.
  std::vector<char> values(size_t{16} << 20, 'x'), back(values.size());
  const auto bytes = static_cast<int64_t>(values.size());
  const Handle large = device.allocate(bytes), index = device.allocate(4), row = device.allocate(4);
  device.copyIn(large, 0, values.data(), bytes);
  const int32_t beyond = 7;
  device.copyIn(index, 0, &beyond, 4);
  const Handle handles[] = {large, index, row};
  const double params[] = {4, 1, 1, 5, 1, 1};
  device.launch(opened.op("Gather"), handles, 3, params, 6);
  CHECK_THROWS(device.copyOut(large, 0, back.data(), bytes), "the index value 7 is not in [0, 4]");
  // Reported only once.
  device.copyOut(large, 0, back.data(), bytes);
  CHECK(back == values);
}

TEST(driverMemoryRunsOut) {
  if (!fake) return;
  const auto device = makeDriverDevice(0, int64_t{1} << 30, false, Precision::bf16);
  const Variable little("FAKE_CUDA_MEMORY", "1000000");
  for (const int64_t bytes : {int64_t{2000000}, int64_t{2} << 30}) {
    int64_t asked = 0;
    try {
      device->allocate(bytes);
    } catch (const brevity::OutOfMemory& error) {
      asked = error.bytes;
    }
    CHECK(asked == bytes);
  }
  // The device still works.
  device->release(device->allocate(1000));
}

TEST(driverErrors) {
  if (!fake) return;
  const LeaksAllowed allowed;
  const auto device = makeDriverDevice(0, int64_t{1} << 30, false, Precision::bf16);
  const Handle x = device->allocate(16);
  int neg = 0;
  while (brevity::cuda::ops()[static_cast<size_t>(neg)].name != "Neg") neg++;
  const Handle handles[] = {x, x};
  const double params[] = {4, 0};
  device->launch(neg, handles, 2, params, 2);
  {
    const Variable broken("FAKE_CUDA_STREAM", "700");
    CHECK_THROWS(device->synchronize(), "the GPU could not finish at or before op Neg: CUDA_ERROR_ILLEGAL_ADDRESS");
  }
  // A lost device stays lost.
  CHECK_THROWS(device->launch(neg, handles, 2, params, 2), "a new process goes on from there");
  const Variable slow("FAKE_CUDA_STREAM", "600"), limit("BREVITY_CUDA_TIMEOUT", "0.2");
  const auto hung = makeDriverDevice(0, int64_t{1} << 30, false, Precision::bf16);
  CHECK_THROWS(hung->synchronize(), "did not finish what was launched within 0.2 seconds");
  CHECK_THROWS(makeDriverDevice(1, 1, false, Precision::bf16), "there is no GPU 1; the driver has 1");
  const Variable old("FAKE_CUDA_MAJOR", "7");
  CHECK_THROWS(makeDriverDevice(0, 1, false, Precision::bf16), "the kernels need 8.0 (Ampere) or newer");
}
