// CUDA's language as C++, so that a .cu file runs on the processor with its real launch geometry: one fiber per thread,
// one block after the other. Only tests and the device `cuda-emulated` use it; it is built to find bugs, not for speed.
//
// Behaviour that real hardware leaves undefined is an error here: a barrier that not every thread of the block reaches,
// or that threads reach at different places of the source, and a collective whose lanes name different masks. Dynamic
// shared memory is allocated for each block at its exact size (AddressSanitizer sees out-of-bounds accesses) and filled
// with NaN. The order in which threads run can be reversed or shuffled: a result that changes with it reveals a race.
//
// Leaves out what our kernels do not use: streams, textures, cooperative groups, clusters. Inline PTX has hand-written
// equivalents (mma.h).
#pragma once
#include <math.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

namespace brevity {
namespace emulator {

constexpr int kWarp = 32;
constexpr int kExchange = 32;  // most bytes that a lane gives to a collective

enum class Order { forward, reverse, shuffled };

// Runs one launch to its end. `invoke` calls the kernel with its arguments, each an address, as for cuLaunchKernel.
// Throws std::runtime_error if the geometry exceeds the limits of compute capability 8.0, or if the threads of a block
// deadlock.
void run(const char* kernel, void (*invoke)(void** arguments), void** arguments, dim3 grid, dim3 block,
         int64_t sharedBytes);

// Sets the order in which a block's threads start, and continue after a barrier; with reverse, blocks also run in
// reverse.
void setOrder(Order order);

// The running thread's built-in variables.
struct Thread {
  dim3 threadIdx;
  int linear;  // in the block
  int lane;
};
extern Thread* self;
extern dim3 currentBlock, currentBlockDim, currentGridDim;
extern void* currentShared;

struct Site {
  const char* file;
  int line;
};

void blockBarrier(Site site);
// Waits for the lanes of `mask`, then returns the bytes that each of them gave: 32 entries of kExchange bytes.
const unsigned char* collective(unsigned mask, const void* give, int bytes, Site site);

template <typename T>
T laneValue(const unsigned char* gathered, int lane) {
  T value;
  std::memcpy(&value, gathered + lane * kExchange, sizeof value);
  return value;
}

// `source` returns the lane to read; if that is outside the lane's group of `width`, the result is the lane's own
// value.
template <typename T>
T shuffle(unsigned mask, T value, int source, int width, Site site) {
  static_assert(std::is_trivially_copyable<T>::value && sizeof(T) <= 8, "shuffles move 4 or 8 bytes");
  const unsigned char* all = collective(mask, &value, sizeof value, site);
  const int first = self->lane / width * width;
  const bool inside = source >= first && source < first + width && (mask >> source & 1);
  return laneValue<T>(all, inside ? source : self->lane);
}

}  // namespace emulator
}  // namespace brevity

#define __global__ [[maybe_unused]] static
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__
#define __launch_bounds__(...)
// One block runs at a time.
#define __shared__ static
#define threadIdx (::brevity::emulator::self->threadIdx)
#define blockIdx (::brevity::emulator::currentBlock)
#define blockDim (::brevity::emulator::currentBlockDim)
#define gridDim (::brevity::emulator::currentGridDim)

#define BREVITY_SITE \
  ::brevity::emulator::Site { file, line }
#define BREVITY_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(BREVITY_HERE) { ::brevity::emulator::blockBarrier(BREVITY_SITE); }
inline void __syncwarp(unsigned mask = 0xffffffffu, BREVITY_HERE) {
  ::brevity::emulator::collective(mask, nullptr, 0, BREVITY_SITE);
}
inline void __threadfence() {}

template <typename T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, BREVITY_HERE) {
  const int first = ::brevity::emulator::self->lane / width * width;
  return ::brevity::emulator::shuffle(mask, value, first + lane % width, width, BREVITY_SITE);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int with, int width = 32, BREVITY_HERE) {
  return ::brevity::emulator::shuffle(mask, value, ::brevity::emulator::self->lane ^ with, width, BREVITY_SITE);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32, BREVITY_HERE) {
  const int lane = ::brevity::emulator::self->lane;
  return ::brevity::emulator::shuffle(mask, value, lane + static_cast<int>(by), width, BREVITY_SITE);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32, BREVITY_HERE) {
  const int lane = ::brevity::emulator::self->lane;
  return ::brevity::emulator::shuffle(mask, value, lane - static_cast<int>(by), width, BREVITY_SITE);
}
inline unsigned __ballot_sync(unsigned mask, int yes, BREVITY_HERE) {
  const unsigned char* all = ::brevity::emulator::collective(mask, &yes, sizeof yes, BREVITY_SITE);
  unsigned ballot = 0;
  for (int i = 0; i < 32; i++)
    if ((mask >> i & 1) && ::brevity::emulator::laneValue<int>(all, i) != 0) ballot |= 1u << i;
  return ballot;
}
inline int __any_sync(unsigned mask, int yes, BREVITY_HERE) { return __ballot_sync(mask, yes, file, line) != 0; }
inline int __all_sync(unsigned mask, int yes, BREVITY_HERE) { return __ballot_sync(mask, yes, file, line) == mask; }

// One thread runs at a time.
template <typename T>
T atomicAdd(T* at, T value) {
  const T old = *at;
  *at = old + value;
  return old;
}
template <typename T>
T atomicMax(T* at, T value) {
  const T old = *at;
  if (value > old) *at = value;
  return old;
}
template <typename T>
T atomicMin(T* at, T value) {
  const T old = *at;
  if (value < old) *at = value;
  return old;
}
template <typename T>
T atomicExch(T* at, T value) {
  const T old = *at;
  *at = value;
  return old;
}
template <typename T>
T atomicCAS(T* at, T compare, T value) {
  const T old = *at;
  if (old == compare) *at = value;
  return old;
}

inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline unsigned __float_as_uint(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline float __uint_as_float(unsigned bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
