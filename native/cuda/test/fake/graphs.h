// Captured launches of the driver that is none (graphs.c), as libcuda.c sees them.
#pragma once

typedef struct {
  unsigned x, y, z;
} dim3;

// A launch is made (libcuda.c).
void launchKernel(dim3 grid, dim3 threads, unsigned shared, void** arguments, void** extra);

// 900, and the capture is spoilt, while the stream is captured: for calls that the driver then refuses.
int refusedInCapture(void);
// Whether launches are noted now instead of made.
int capturing(void);
// Copies the arguments, as the driver does. `function` is the kernel's text in its module.
void noteLaunch(const char* function, dim3 grid, dim3 threads, unsigned shared, void** arguments, void** extra);
// The next parameter of a kernel's text: its bytes, or 0 after the last. `at` walks along.
unsigned nextParameter(const char** at);
// How often a graph was launched.
extern long long graphLaunches;
