// The emulator itself: it must compute correctly, and find certain bugs.
#include "../block.h"
#include "../emulator/emulator.h"
#include "../mma.h"
#include "compare.h"

using brevity::emulator::run;

namespace {

KERNEL writePlaces(int* out) {
  const int at = (blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x * blockDim.y + threadIdx.y * blockDim.x + threadIdx.x;
  out[at] = at;
}

// Sums in shared memory by halves.
KERNEL sumByHalves(const float* x, float* y) {
  SHARED_MEMORY(float, sums);
  sums[threadIdx.x] = x[blockIdx.x * blockDim.x + threadIdx.x];
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) y[blockIdx.x] = sums[0];
}

// The same without a required barrier.
KERNEL sumWithRace(const float* x, float* y) {
  SHARED_MEMORY(float, sums);
  sums[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2)
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  if (threadIdx.x == 0) y[0] = sums[0];
}

// A block reads a value that another one writes in the same launch.
KERNEL countsBlocksBefore(int* out) { out[blockIdx.x] = blockIdx.x == 0 ? 1 : out[blockIdx.x - 1] + 1; }

KERNEL laneExchanges(int* out) {
  const int lane = threadIdx.x % 32;
  out[threadIdx.x * 5] = __shfl_xor_sync(kAllLanes, lane, 5);
  out[threadIdx.x * 5 + 1] = __shfl_down_sync(kAllLanes, lane, 3);
  out[threadIdx.x * 5 + 2] = __shfl_up_sync(kAllLanes, lane, 3, 8);
  out[threadIdx.x * 5 + 3] = __shfl_sync(kAllLanes, lane, 1, 16);
  out[threadIdx.x * 5 + 4] = static_cast<int>(__ballot_sync(kAllLanes, lane % 3 == 0));
}

KERNEL exitsBeforeBarrier() {
  if (threadIdx.x == 7) return;
  __syncthreads();
}
KERNEL twoBarriers() {
  if (threadIdx.x < 16)
    __syncthreads();
  else
    __syncthreads();
}
KERNEL divergedShuffle(int* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_xor_sync(kAllLanes, 1, 1);
}
KERNEL halfWarps(int* out) {
  const unsigned mask = threadIdx.x < 16 ? 0x0000ffffu : 0xffff0000u;
  int sum = static_cast<int>(threadIdx.x);
  for (int with = 8; with > 0; with /= 2) sum += __shfl_xor_sync(mask, sum, with);
  out[threadIdx.x] = sum;
}

// Copies sixteen bytes per thread into shared memory; reads them before the wait if `early`, and never waits if `left`.
KERNEL copiesAsync(const uint16_t* x, uint16_t* y, int early, int left) {
  SHARED_MEMORY(uint16_t, tile);
  const int i = static_cast<int>(threadIdx.x);
  copyAsync(tile + 8 * i, x + 8 * i, i % 2 == 0 ? 16 : 0);
  if (!early && !left) waitForCopies();
  for (int c = 0; c < 8; c++) y[8 * i + c] = tile[8 * i + c];
  if (!left) waitForCopies();
}

// From a tile of 16 × 16 in which each element is its index.
KERNEL loadsMatrices(uint32_t* out) {
  SHARED_MEMORY(uint16_t, tile);
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < 256; i += 32) tile[i] = static_cast<uint16_t>(i);
  __syncwarp();
  const uint16_t* row = tile + lane % 16 * 16 + lane / 16 * 8;
  loadMatrices(out + 8 * lane, row);
  loadTransposed(out + 8 * lane + 4, row);
}

template <typename... P>
void launch(const char* name, void (*invoke)(void**), dim3 grid, dim3 block, int64_t shared, P... values) {
  void* addresses[sizeof...(P) + 1] = {&values...};
  run(name, invoke, addresses, grid, block, shared);
}
#define RUN(kernel, grid, block, shared, ...) launch(#kernel, BREVITY_INVOKE(kernel), grid, block, shared, __VA_ARGS__)
#define RUN_BARE(kernel, grid, block) run(#kernel, BREVITY_INVOKE(kernel), nullptr, grid, block, 0)

}  // namespace

TEST(everyThreadOfEveryBlock) {
  Ints out(2 * 3 * 64, -1);
  RUN(writePlaces, dim3(3, 2), dim3(32, 2), 0, out.data());
  for (size_t i = 0; i < out.size(); i++) CHECK(out[i] == static_cast<int>(i));
}

TEST(sharedMemoryAndBarriers) {
  Random random(1);
  const Floats x = random.floats(4 * 256);
  Floats y(4, NAN);
  RUN(sumByHalves, dim3(4), dim3(256), 1024, x.data(), y.data());
  for (int b = 0; b < 4; b++) {
    double sum = 0;
    for (int i = 0; i < 256; i++) sum += x[b * 256 + i];
    CHECK(std::fabs(y[b] - sum) < 1e-4);
  }
}

TEST(aRaceShowsInAnotherOrder) {
  Random random(2);
  const Floats x = random.floats(64);
  Floats first(1, NAN), second(1, NAN);
  RUN(sumWithRace, dim3(1), dim3(64), 256, x.data(), first.data());
  brevity::emulator::setOrder(brevity::emulator::Order::reverse);
  RUN(sumWithRace, dim3(1), dim3(64), 256, x.data(), second.data());
  brevity::emulator::setOrder(brevity::emulator::Order::forward);
  CHECK(first[0] != second[0]);
}

TEST(aRaceOfBlocksShowsInAnotherOrder) {
  Ints first(4, 0), second(4, 0);
  RUN(countsBlocksBefore, dim3(4), dim3(1), 0, first.data());
  brevity::emulator::setOrder(brevity::emulator::Order::reverse);
  RUN(countsBlocksBefore, dim3(4), dim3(1), 0, second.data());
  brevity::emulator::setOrder(brevity::emulator::Order::forward);
  CHECK(first == (Ints{1, 2, 3, 4}));
  CHECK(second == (Ints{1, 1, 1, 1}));
}

TEST(shufflesAndBallots) {
  Ints out(64 * 5, -1);
  RUN(laneExchanges, dim3(1), dim3(64), 0, out.data());
  for (int i = 0; i < 64; i++) {
    const int lane = i % 32;
    CHECK(out[i * 5] == (lane ^ 5));
    CHECK(out[i * 5 + 1] == (lane < 29 ? lane + 3 : lane));
    CHECK(out[i * 5 + 2] == (lane % 8 < 3 ? lane : lane - 3));
    CHECK(out[i * 5 + 3] == lane / 16 * 16 + 1);
    CHECK(static_cast<unsigned>(out[i * 5 + 4]) == 0x49249249u);
  }
}

TEST(groupsOfLanes) {
  Ints out(32, -1);
  RUN(halfWarps, dim3(1), dim3(32), 0, out.data());
  for (int i = 0; i < 32; i++) CHECK(out[i] == (i < 16 ? 120 : 376));
}

TEST(asynchronousCopies) {
  Halves x(64), y(64, 0);
  for (size_t i = 0; i < x.size(); i++) x[i] = static_cast<uint16_t>(i + 1);
  for (const int early : {1, 0}) {
    y.assign(64, 0);
    RUN(copiesAsync, dim3(1), dim3(8), 128, static_cast<const uint16_t*>(x.data()), y.data(), early, 0);
    for (size_t i = 0; i < y.size(); i++) CHECK(y[i] == (early ? 0xffff : i / 8 % 2 == 0 ? i + 1 : 0));
  }
  // In reverse order they are made at once.
  brevity::emulator::setOrder(brevity::emulator::Order::reverse);
  RUN(copiesAsync, dim3(1), dim3(8), 128, static_cast<const uint16_t*>(x.data()), y.data(), 1, 0);
  brevity::emulator::setOrder(brevity::emulator::Order::forward);
  for (size_t i = 0; i < y.size(); i++) CHECK(y[i] == (i / 8 % 2 == 0 ? i + 1 : 0));
}

TEST(matricesFromSharedMemory) {
  std::vector<uint32_t> out(32 * 8, 0);
  RUN(loadsMatrices, dim3(1), dim3(32), 512, out.data());
  const auto at = [](int row, int column) { return static_cast<uint32_t>(16 * row + column); };
  for (int lane = 0; lane < 32; lane++)
    for (int i = 0; i < 4; i++) {
      const int g = lane / 4, t = lane % 4, row = i % 2 * 8, column = i / 2 * 8;
      CHECK(out[8 * lane + i] == (at(row + g, column + 2 * t) | at(row + g, column + 2 * t + 1) << 16));
      CHECK(out[8 * lane + 4 + i] == (at(row + 2 * t, column + g) | at(row + 2 * t + 1, column + g) << 16));
    }
}

TEST(mistakesAreFound) {
  Ints out(32, 0);
  Halves halves(64, 0);
  CHECK_THROWS(RUN(copiesAsync, dim3(1), dim3(8), 128, static_cast<const uint16_t*>(halves.data()), halves.data(), 0, 1),
               "a block ended before its asynchronous copies");
  CHECK_THROWS(RUN_BARE(exitsBeforeBarrier, dim3(1), dim3(32)), "1 of 32 threads have ended, thread 0 waits at");
  CHECK_THROWS(RUN_BARE(twoBarriers, dim3(1), dim3(32)), "a barrier reached at");
  CHECK_THROWS(RUN(divergedShuffle, dim3(1), dim3(32), 0, out.data()), "waits for ever");
  CHECK_THROWS(RUN_BARE(twoBarriers, dim3(1), dim3(2048)), "a block of 2048 threads");
  CHECK_THROWS(RUN_BARE(twoBarriers, dim3(1, 70000), dim3(32)), "a grid beyond");
  CHECK_THROWS(RUN(sumByHalves, dim3(1), dim3(32), 200 << 10, static_cast<float*>(nullptr), static_cast<float*>(nullptr)),
               "bytes of shared memory");
  // The emulator still works afterwards.
  RUN(halfWarps, dim3(1), dim3(32), 0, out.data());
  CHECK(out[31] == 376);
}
