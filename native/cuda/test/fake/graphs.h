// Captured launches of the fake driver (graphs.c), for libcuda.c.
#pragma once

typedef struct {
  unsigned x, y, z;
} dim3;

// Makes a launch (libcuda.c).
void launchKernel(dim3 grid, dim3 threads, unsigned shared, void** arguments, void** extra);

// Returns 900 and invalidates the capture if the stream is being captured: for calls that the driver then refuses.
int refusedInCapture(void);
// Whether launches are recorded now instead of made.
int capturing(void);
// Copies the arguments, as the driver does. `function` is the kernel's text in its module.
void noteLaunch(const char* function, dim3 grid, dim3 threads, unsigned shared, void** arguments, void** extra);
// The next parameter in a kernel's text: its size in bytes, or 0 after the last. Advances `at`.
unsigned nextParameter(const char** at);
// Number of graph launches.
extern long long graphLaunches;
