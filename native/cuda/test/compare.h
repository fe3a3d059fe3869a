// Runs an op on the cpu device and on the emulated CUDA device and compares the resulting buffers. Outputs start as NaN
// on both, so that elements that a kernel does not write show. On the emulated device the threads of a block run
// forwards, in reverse and shuffled, which must not change a bit.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <cstring>
#include <string>
#include <vector>

#include "../device.h"
#include "../../test/random.h"
#include "../ops.h"

using Doubles = std::vector<double>;

extern int checks, failures;
void fail(const char* file, int line, const std::string& what);

#define CHECK(condition)                                              \
  do {                                                                \
    checks++;                                                         \
    if (!(condition)) fail(__FILE__, __LINE__, #condition);           \
  } while (false)
// Checks that the statement throws an error whose message contains `text`.
#define CHECK_THROWS(statement, text)                                                                   \
  do {                                                                                                  \
    checks++;                                                                                           \
    std::string thrown = "nothing";                                                                     \
    try {                                                                                               \
      statement;                                                                                        \
    } catch (const std::exception& error) {                                                             \
      thrown = error.what();                                                                            \
    }                                                                                                   \
    if (thrown.find(text) == std::string::npos) fail(__FILE__, __LINE__, #statement " threw " + thrown); \
  } while (false)

enum class Kind { f32, i32, u8, f64, bf16 };

// A buffer of an op: its initial contents, and whether it is compared afterwards.
struct Argument {
  Kind kind;
  std::vector<char> bytes;
  bool output;
};

template <typename T>
Argument argument(Kind kind, const std::vector<T>& values, bool output) {
  const auto* from = reinterpret_cast<const char*>(values.data());
  return {kind, std::vector<char>(from, from + values.size() * sizeof(T)), output};
}
inline Argument in(const Floats& x) { return argument(Kind::f32, x, false); }
inline Argument in(const Ints& x) { return argument(Kind::i32, x, false); }
inline Argument in(const Bytes& x) { return argument(Kind::u8, x, false); }
inline Argument in(const Doubles& x) { return argument(Kind::f64, x, false); }
inline Argument in(const Halves& x) { return argument(Kind::bf16, x, false); }
inline Argument inOut(const Floats& x) { return argument(Kind::f32, x, true); }
inline Argument outFloats(int64_t n) { return {Kind::f32, std::vector<char>(static_cast<size_t>(n) * 4, -1), true}; }
inline Argument outInts(int64_t n) { return {Kind::i32, std::vector<char>(static_cast<size_t>(n) * 4, -1), true}; }
inline Argument outBytes(int64_t n) { return {Kind::u8, std::vector<char>(static_cast<size_t>(n), -1), true}; }
inline Argument outHalves(int64_t n) { return {Kind::bf16, std::vector<char>(static_cast<size_t>(n) * 2, -1), true}; }
inline Argument outDoubles(int64_t n) { return {Kind::f64, std::vector<char>(static_cast<size_t>(n) * 8, -1), true}; }

inline Floats floatsOf(const std::vector<char>& bytes) {
  Floats x(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(x.data(), bytes.data(), bytes.size());
  return x;
}

using Params = std::vector<double>;

// Each float may differ by tolerance·max(1, |cpu's|); integers must be equal, NaN must be NaN.
void compare(const std::string& op, const std::vector<Argument>& arguments, const Params& params,
             double tolerance = 0, brevity::cuda::Precision precision = brevity::cuda::Precision::fp32);

// The contents of the buffers after the op on one device. Throws what the op throws.
std::vector<std::vector<char>> runEmulated(const std::string& op, const std::vector<Argument>& arguments,
                                           const Params& params, brevity::cuda::Precision precision);
std::vector<std::vector<char>> runCpu(const std::string& op, const std::vector<Argument>& arguments,
                                      const Params& params);

// Whether larger shapes run too (`make check-large`).
extern bool large;
// Whether products take the path for cuBLASLt.
extern bool library;
// Whether tests run on the first GPU.
extern bool gpu;
// Whether the GPU's driver is fake/libcuda.c, whose launches compute nothing.
extern bool fake;
// Whether the cpu device is compared with itself.
extern bool cpuOnly;

// Tests register themselves.
struct Test {
  Test(const char* name, void (*run)());
};
#define TEST(name)                           \
  static void name();                        \
  static const Test name##Test(#name, name); \
  static void name()
