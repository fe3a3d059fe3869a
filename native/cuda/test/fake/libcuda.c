// A libcuda.so.1 for tests: memory is the host's, copies are made at once, modules are looked through for their kernels'
// names. Launches do nothing, or run in the emulator where the device tells how. What should go wrong is said by
// environment variables, read at each call:
//   FAKE_CUDA_VERSION   what the driver brings (13000)
//   FAKE_CUDA_DEVICES   how many GPUs there are (1)
//   FAKE_CUDA_MAJOR     the card's compute capability (9)
//   FAKE_CUDA_STREAM    the result of waiting for the stream (0)
//   FAKE_CUDA_MEMORY    bytes that can be allocated in all
//   FAKE_CUDA_COMPUTES  1: launches run in the emulator
//   FAKE_CUDA_FAILS     719@1000: from the 1000th launch on, none is made and waiting for the stream gives 719; the
//                       codes are cuda.h's, 600 is work that never ends
//   FAKE_CUDA_MILLISECONDS what lies between two events, in place of the time between their recordings
//   FAKE_CUDA_USE       a file to which each process adds a line at its end: the most bytes in use, the times that the
//                       pool was trimmed, the launches, and how often a graph was launched (graphs.c)
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graphs.h"

typedef unsigned long long pointer;

static long long number(const char* name, long long otherwise) {
  const char* text = getenv(name);
  return text != NULL ? atoll(text) : otherwise;
}

// brevity::emulator::run
typedef void (*emulator)(const char* kernel, void (*invoke)(void**), void** arguments, dim3 grid, dim3 threads,
                         long long sharedBytes);

// By this name a build for tests knows this driver.
int fakeCuda = 1;

static long long allocated = 0, peak = 0, trims = 0, launches = 0;

static long long failsFrom(int* code) {
  const char* text = getenv("FAKE_CUDA_FAILS");
  long long from = 0;
  return text != NULL && sscanf(text, "%d@%lld", code, &from) == 2 ? from : -1;
}

static int waited(void) {
  int code = 0;
  const long long from = failsFrom(&code);
  return from >= 0 && launches >= from ? code : (int)number("FAKE_CUDA_STREAM", 0);
}

__attribute__((destructor)) static void use(void) {
  const char* name = getenv("FAKE_CUDA_USE");
  FILE* file = name != NULL ? fopen(name, "a") : NULL;
  if (file == NULL) return;
  fprintf(file, "%lld %lld %lld %lld\n", peak, trims, launches, graphLaunches);
  fclose(file);
}

int cuInit(unsigned flags) { return flags == 0 ? (number("FAKE_CUDA_DEVICES", 1) > 0 ? 0 : 100) : 1; }
int cuDriverGetVersion(int* version) { return *version = (int)number("FAKE_CUDA_VERSION", 13000), 0; }
int cuDeviceGetCount(int* count) { return *count = (int)number("FAKE_CUDA_DEVICES", 1), 0; }
int cuDeviceGet(int* device, int ordinal) { return *device = ordinal, 0; }
int cuDeviceGetName(char* name, int bytes, int device) { return (void)device, snprintf(name, bytes, "a card that is none"), 0; }
int cuDeviceGetAttribute(int* value, int attribute, int device) {
  (void)device;
  *value = attribute == 75 ? (int)number("FAKE_CUDA_MAJOR", 9) : attribute == 76 ? 0 : attribute == 16 ? 4 : 1;
  return 0;
}
int cuDeviceTotalMem_v2(size_t* bytes, int device) { return (void)device, *bytes = (size_t)1 << 30, 0; }
int cuDevicePrimaryCtxRetain(void** context, int device) { return (void)device, *context = &allocated, 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return (void)device, 0; }
int cuCtxSetCurrent(void* context) { return context == &allocated ? 0 : 201; }

int cuModuleLoadDataEx(void** module, const void* image, unsigned count, int* options, void** values) {
  (void)count, (void)options, (void)values;
  if (capturing()) return refusedInCapture();
  if (strstr(image, ".version 9.0") == NULL) return 218;
  *module = strdup(image);
  return 0;
}
int cuModuleUnload(void* module) { return free(module), 0; }
int cuModuleGetFunction(void** function, void* module, const char* name) {
  char entry[256];
  snprintf(entry, sizeof entry, ".entry %s(", name);
  *function = strstr(module, entry);
  return *function != NULL ? 0 : 500;
}
int cuFuncSetAttribute(void* function, int attribute, int value) {
  // 227 KiB is what a block of compute capability 9.0 may have.
  return function != NULL && attribute == 8 && value <= 227 * 1024 ? 0 : 1;
}
void launchKernel(dim3 grid, dim3 threads, unsigned shared, void** arguments, void** extra) {
  launches++;
  if (waited() != 0 || extra == NULL || number("FAKE_CUDA_COMPUTES", 0) == 0) return;
  ((emulator)extra[0])(extra[1], (void (*)(void**))extra[2], arguments, grid, threads, shared);
}

// The .param lines of a kernel are as many as its arguments, each of which must be readable.
int cuLaunchKernel(const char* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void* stream, void** arguments, void** extra) {
  (void)stream;
  if (gx < 1 || gy < 1 || gz < 1 || gy > 65535 || gz > 65535 || bx * by * bz < 1 || bx * by * bz > 1024) return 1;
  static volatile char sum;
  int i = 0;
  const char* at = function;
  for (unsigned bytes; (bytes = nextParameter(&at)) > 0; i++)
    for (unsigned k = 0; k < bytes; k++) sum += ((char*)arguments[i])[k];
  const dim3 grid = {gx, gy, gz}, threads = {bx, by, bz};
  if (capturing())
    noteLaunch(function, grid, threads, shared, arguments, extra);
  else
    launchKernel(grid, threads, shared, arguments, extra);
  return 0;
}

int cuStreamCreate(void** stream, unsigned flags) { return (void)flags, *stream = &allocated, 0; }
int cuStreamDestroy_v2(void* stream) { return (void)stream, 0; }
int cuStreamQuery(void* stream) { return (void)stream, capturing() ? refusedInCapture() : waited(); }
// An event is the time at which it was recorded: all that came before is done by then.
int cuEventCreate(void** event, unsigned flags) { return (void)flags, *event = calloc(1, sizeof(struct timespec)), 0; }
int cuEventDestroy_v2(void* event) { return free(event), 0; }
int cuEventRecord(void* event, void* stream) { return (void)stream, clock_gettime(CLOCK_MONOTONIC, event), 0; }
int cuEventQuery(void* event) { return (void)event, capturing() ? refusedInCapture() : waited(); }
int cuEventElapsedTime(float* milliseconds, void* from, void* to) {
  const struct timespec *a = from, *b = to;
  const char* always = getenv("FAKE_CUDA_MILLISECONDS");
  if (always != NULL)
    *milliseconds = (float)atof(always);
  else
    *milliseconds = (float)((double)(b->tv_sec - a->tv_sec) * 1e3 + (double)(b->tv_nsec - a->tv_nsec) / 1e6);
  return 0;
}

// The driver would make memory and copies a part of the graph; no step of ours may have any.
int cuMemAllocAsync(pointer* memory, size_t bytes, void* stream) {
  (void)stream;
  if (capturing()) return refusedInCapture();
  if (allocated + (long long)bytes > number("FAKE_CUDA_MEMORY", 1ll << 40)) return 2;
  size_t* block = malloc(bytes + 64);
  if (block == NULL) return 2;
  *block = bytes;
  allocated += (long long)bytes;
  if (allocated > peak) peak = allocated;
  *memory = (pointer)(size_t)((char*)block + 64);
  return 0;
}
int cuMemFreeAsync(pointer memory, void* stream) {
  (void)stream;
  if (capturing()) return refusedInCapture();
  size_t* block = (size_t*)((char*)(size_t)memory - 64);
  allocated -= (long long)*block;
  free(block);
  return 0;
}
int cuDeviceGetDefaultMemPool(void** pool, int device) { return (void)device, *pool = &allocated, 0; }
int cuMemPoolSetAttribute(void* pool, int attribute, void* value) { return (void)pool, (void)value, attribute == 4 ? 0 : 1; }
int cuMemPoolGetAttribute(void* pool, int attribute, void* value) {
  (void)pool;
  *(unsigned long long*)value = (unsigned long long)allocated;
  return attribute == 5 ? 0 : 1;
}
int cuMemPoolTrimTo(void* pool, size_t keep) { return (void)pool, (void)keep, trims++, 0; }
int cuMemHostAlloc(void** memory, size_t bytes, unsigned flags) { return (void)flags, (*memory = malloc(bytes)) != NULL ? 0 : 2; }
int cuMemFreeHost(void* memory) { return free(memory), 0; }
int cuMemcpyHtoDAsync_v2(pointer to, const void* from, size_t bytes, void* stream) {
  if (capturing()) return refusedInCapture();
  return (void)stream, memcpy((void*)(size_t)to, from, bytes), 0;
}
int cuMemcpyDtoHAsync_v2(void* to, pointer from, size_t bytes, void* stream) {
  if (capturing()) return refusedInCapture();
  return (void)stream, memcpy(to, (void*)(size_t)from, bytes), 0;
}
int cuMemcpyDtoDAsync_v2(pointer to, pointer from, size_t bytes, void* stream) {
  if (capturing()) return refusedInCapture();
  return (void)stream, memcpy((void*)(size_t)to, (void*)(size_t)from, bytes), 0;
}
int cuMemsetD8Async(pointer memory, unsigned char value, size_t bytes, void* stream) {
  if (capturing()) return refusedInCapture();
  return (void)stream, memset((void*)(size_t)memory, value, bytes), 0;
}
int cuMemGetInfo_v2(size_t* left, size_t* total) { return *left = *total = (size_t)1 << 30, 0; }
int cuGetErrorName(int error, const char** name) {
  *name = error == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : error == 719 ? "CUDA_ERROR_LAUNCH_FAILED" : "CUDA_ERROR_UNKNOWN";
  return 0;
}
int cuGetErrorString(int error, const char** text) { return (void)error, *text = "said by a driver that is none", 0; }
