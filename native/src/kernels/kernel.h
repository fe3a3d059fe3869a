// How a kernel is declared.
//
// BREVITY_KERNEL(name, (parameters)) declares the function in the namespace of each instruction set that is compiled
// in, and the public `brevity::name`, a pointer to the one in use. All kernels take plain pointers to dense row-major
// float32 (int32 for indices) and sizes as int64_t; any size may be 0. They allocate only scratch and throw only
// std::bad_alloc, before anything is written. Results depend neither on the number of threads nor, for a row, on the
// other rows of a batch. Shape legend: src/model/types.ts.
#pragma once
#include <cstdint>

#include "../isa.h"

#if defined(BREVITY_X86)
#define BREVITY_KERNEL(name, parameters) \
  namespace plain {                      \
  void name parameters;                  \
  }                                      \
  namespace avx2 {                       \
  void name parameters;                  \
  }                                      \
  namespace avx512 {                     \
  void name parameters;                  \
  }                                      \
  extern void(*name) parameters
#elif defined(BREVITY_ARM)
#define BREVITY_KERNEL(name, parameters) \
  namespace plain {                      \
  void name parameters;                  \
  }                                      \
  namespace neon {                       \
  void name parameters;                  \
  }                                      \
  extern void(*name) parameters
#else
#define BREVITY_KERNEL(name, parameters) \
  namespace plain {                      \
  void name parameters;                  \
  }                                      \
  extern void(*name) parameters
#endif
