// A strided walk over up to 12 axes (../src/elements/shape.h), as a kernel's argument.
#pragma once
#include "cuda.h"

constexpr int kMostAxes = 12;

struct Axes {
  int32_t rank, reserved;
  int64_t dims[kMostAxes], a[kMostAxes], b[kMostAxes];
};

struct Offsets {
  int64_t a, b;
};

// Where element i of the walk lies in both views.
DEVICE Offsets offsetsOf(const Axes& axes, int64_t i) {
  Offsets at = {0, 0};
  for (int k = axes.rank - 1; k >= 0; k--) {
    const Division index = divide(i, axes.dims[k]);
    i = index.whole;
    at.a += index.rest * axes.a[k];
    at.b += index.rest * axes.b[k];
  }
  return at;
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {

static_assert(kMaxRank == kMostAxes, "the device walks over as many axes as the host");

inline Axes axesOf(const Strides& s) {
  Axes axes{};
  axes.rank = s.rank;
  for (int i = 0; i < s.rank; i++) {
    axes.dims[i] = s.dims[i];
    axes.a[i] = s.a[i];
    axes.b[i] = s.b[i];
  }
  return axes;
}

}  // namespace cuda
}  // namespace brevity
#endif
