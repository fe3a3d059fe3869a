// What the tests share: CHECK, random inputs, and running a test for every instruction set and several thread counts.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "../src/bf16.h"
#include "../src/kernels/all.h"
#include "../src/threads.h"
#include "random.h"

extern int checks, failures;
extern std::string context;

#define CHECK(condition)                                                                            \
  do {                                                                                              \
    checks++;                                                                                       \
    if (!(condition)) {                                                                             \
      failures++;                                                                                   \
      std::printf("%s:%d: %s: %s\n", __FILE__, __LINE__, context.c_str(), #condition);              \
    }                                                                                               \
  } while (0)

// |actual - expected| ≤ tolerance·max(1, |expected|) in every element.
#define CHECK_CLOSE(actual, expected, tolerance) checkClose(__FILE__, __LINE__, #actual, actual, expected, tolerance)

inline void checkClose(const char* file, int line, const char* name, const Floats& actual,
                       const std::vector<double>& expected, double tolerance) {
  checks++;
  bool same = actual.size() == expected.size();
  for (size_t i = 0; same && i < expected.size(); i++) {
    double off = std::fabs(static_cast<double>(actual[i]) - expected[i]);
    // NaN is not close to anything.
    if (off <= tolerance * std::fmax(1.0, std::fabs(expected[i]))) continue;
    failures++;
    std::printf("%s:%d: %s: %s[%zu] is %.9g, expected %.9g\n", file, line, context.c_str(), name, i,
                static_cast<double>(actual[i]), expected[i]);
    return;
  }
  if (!same) {
    failures++;
    std::printf("%s:%d: %s: %s has %zu elements, expected %zu\n", file, line, context.c_str(), name, actual.size(),
                expected.size());
  }
}

// An output to be written: filled with NaN, so that what a kernel leaves out shows.
inline Floats blank(int64_t n) { return Floats(static_cast<size_t>(n), NAN); }

inline const brevity::Isa allSets[] = {brevity::Isa::plain, brevity::Isa::neon, brevity::Isa::avx2, brevity::Isa::avx512};
inline const brevity::Bf16 allBf16[] = {brevity::Bf16::avx512, brevity::Bf16::amx, brevity::Bf16::bfmmla};

// Runs compute() for 1, 2 and 3 threads; it returns all its outputs, which must be the same bits for every number of
// threads. check() then compares them with the reference.
void onThreads(const std::string& name, const std::function<Floats()>& compute,
               const std::function<void(const Floats&)>& check);

// The same for every instruction set.
void everywhere(const std::string& name, const std::function<Floats()>& compute,
                const std::function<void(const Floats&)>& check);

// The part [from, from + n) of outputs that were put one after the other.
inline Floats part(const Floats& all, int64_t from, int64_t n) {
  return Floats(all.begin() + from, all.begin() + from + n);
}
inline Floats joined(std::initializer_list<Floats> parts) {
  Floats all;
  for (const Floats& one : parts) all.insert(all.end(), one.begin(), one.end());
  return all;
}

// Tests register themselves.
struct Test {
  Test(const char* name, void (*run)());
};
#define TEST(name)                          \
  static void name();                       \
  static const Test name##Test(#name, name); \
  static void name()
