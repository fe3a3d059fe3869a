// The part of the CUDA driver API that is used here, declared by us and loaded from libcuda.so.1 at run time, so that
// the program builds and starts without CUDA.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "library.h"

namespace brevity {
namespace cuda {

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st*;
using CUmodule = struct CUmod_st*;
using CUfunction = struct CUfunc_st*;
using CUstream = struct CUstream_st*;
using CUevent = struct CUevent_st*;
using CUmemoryPool = struct CUmemPoolHandle_st*;
using CUgraph = struct CUgraph_st*;
using CUgraphExec = struct CUgraphExec_st*;

constexpr CUresult kOutOfMemory = 2, kNoDevice = 100, kUnsupportedPtx = 222, kNotReady = 600;
constexpr int kMultiprocessors = 16, kMajor = 75, kMinor = 76, kPoolsSupported = 115;  // CUdevice_attribute
constexpr int kDynamicSharedBytes = 8;                                                 // CUfunction_attribute
constexpr int kReleaseThreshold = 4, kReservedBytes = 5;                               // CUmemPool_attribute
constexpr int kErrorLog = 5, kErrorLogBytes = 6;                                       // CUjit_option
constexpr unsigned kNonBlocking = 1;
constexpr int kCaptureThreadLocal = 1;                                                 // CUstreamCaptureMode

// name in C++, name in the library, parameters
#define BREVITY_DRIVER_FUNCTIONS(X)                                                                                  \
  X(init, "cuInit", (unsigned flags))                                                                                \
  X(driverVersion, "cuDriverGetVersion", (int* version))                                                             \
  X(deviceCount, "cuDeviceGetCount", (int* count))                                                                   \
  X(deviceGet, "cuDeviceGet", (CUdevice * device, int ordinal))                                                      \
  X(deviceName, "cuDeviceGetName", (char* name, int bytes, CUdevice device))                                         \
  X(deviceAttribute, "cuDeviceGetAttribute", (int* value, int attribute, CUdevice device))                           \
  X(deviceMemory, "cuDeviceTotalMem_v2", (size_t * bytes, CUdevice device))                                          \
  X(contextRetain, "cuDevicePrimaryCtxRetain", (CUcontext * context, CUdevice device))                               \
  X(contextRelease, "cuDevicePrimaryCtxRelease_v2", (CUdevice device))                                               \
  X(contextSet, "cuCtxSetCurrent", (CUcontext context))                                                              \
  X(moduleLoad, "cuModuleLoadDataEx",                                                                                \
    (CUmodule * module, const void* image, unsigned count, int* options, void** values))                             \
  X(moduleUnload, "cuModuleUnload", (CUmodule module))                                                               \
  X(moduleFunction, "cuModuleGetFunction", (CUfunction * function, CUmodule module, const char* name))               \
  X(functionAttribute, "cuFuncSetAttribute", (CUfunction function, int attribute, int value))                        \
  X(launch, "cuLaunchKernel",                                                                                        \
    (CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,          \
     unsigned blockZ, unsigned sharedBytes, CUstream stream, void** arguments, void** extra))                        \
  X(streamCreate, "cuStreamCreate", (CUstream * stream, unsigned flags))                                             \
  X(streamDestroy, "cuStreamDestroy_v2", (CUstream stream))                                                          \
  X(streamQuery, "cuStreamQuery", (CUstream stream))                                                                 \
  X(eventCreate, "cuEventCreate", (CUevent * event, unsigned flags))                                                 \
  X(eventDestroy, "cuEventDestroy_v2", (CUevent event))                                                              \
  X(eventRecord, "cuEventRecord", (CUevent event, CUstream stream))                                                  \
  X(eventQuery, "cuEventQuery", (CUevent event))                                                                     \
  X(eventElapsed, "cuEventElapsedTime", (float* milliseconds, CUevent from, CUevent to))                             \
  X(captureBegin, "cuStreamBeginCapture_v2", (CUstream stream, int mode))                                            \
  X(captureEnd, "cuStreamEndCapture", (CUstream stream, CUgraph * graph))                                            \
  X(graphInstantiate, "cuGraphInstantiateWithFlags", (CUgraphExec * made, CUgraph graph, unsigned long long flags))  \
  X(graphLaunch, "cuGraphLaunch", (CUgraphExec graph, CUstream stream))                                              \
  X(graphExecDestroy, "cuGraphExecDestroy", (CUgraphExec graph))                                                     \
  X(graphDestroy, "cuGraphDestroy", (CUgraph graph))                                                                 \
  X(allocate, "cuMemAllocAsync", (CUdeviceptr * memory, size_t bytes, CUstream stream))                              \
  X(free, "cuMemFreeAsync", (CUdeviceptr memory, CUstream stream))                                                   \
  X(defaultPool, "cuDeviceGetDefaultMemPool", (CUmemoryPool * pool, CUdevice device))                                \
  X(poolSet, "cuMemPoolSetAttribute", (CUmemoryPool pool, int attribute, void* value))                               \
  X(poolGet, "cuMemPoolGetAttribute", (CUmemoryPool pool, int attribute, void* value))                               \
  X(poolTrim, "cuMemPoolTrimTo", (CUmemoryPool pool, size_t keep))                                                   \
  X(hostAllocate, "cuMemHostAlloc", (void** memory, size_t bytes, unsigned flags))                                   \
  X(hostFree, "cuMemFreeHost", (void* memory))                                                                       \
  X(copyToDevice, "cuMemcpyHtoDAsync_v2", (CUdeviceptr to, const void* from, size_t bytes, CUstream stream))         \
  X(copyToHost, "cuMemcpyDtoHAsync_v2", (void* to, CUdeviceptr from, size_t bytes, CUstream stream))                 \
  X(copyOnDevice, "cuMemcpyDtoDAsync_v2", (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream))         \
  X(fillBytes, "cuMemsetD8Async", (CUdeviceptr memory, unsigned char value, size_t bytes, CUstream stream))          \
  X(memoryInfo, "cuMemGetInfo_v2", (size_t * free, size_t* total))                                                   \
  X(errorName, "cuGetErrorName", (CUresult error, const char** name))                                                \
  X(errorText, "cuGetErrorString", (CUresult error, const char** text))

struct Driver {
#define DECLARE(name, symbol, parameters) CUresult(*name) parameters = nullptr;
  BREVITY_DRIVER_FUNCTIONS(DECLARE)
#undef DECLARE

  int version = 0;  // CUDA version of the driver: 13000 is 13.0
#if defined(BREVITY_EMULATED)
  bool forTests = false;  // test/fake/libcuda.c
#endif

  // The process's driver, initialised. Throws with what is missing and how to fix it.
  static const Driver& get();

  // Formats as CUDA_ERROR_… with the driver's description.
  std::string describe(CUresult error) const;
};

}  // namespace cuda
}  // namespace brevity
