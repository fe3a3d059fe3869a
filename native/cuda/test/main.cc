#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "../../src/cpu_device.h"
#include "../../src/threads.h"
#include "../ops.h"
#include "compare.h"

using brevity::Device;
using brevity::OpTable;
using brevity::cuda::Precision;
using brevity::emulator::Order;

int checks = 0, failures = 0;
bool large = false, gpu = false, library = false, fake = false, cpuOnly = false;

namespace {

struct Registered {
  const char* name;
  void (*run)();
};
std::vector<Registered>& tests() {
  static std::vector<Registered> all;
  return all;
}
std::set<std::string> compared;
const char* testName = "";

int indexOf(const OpTable& table, const std::string& op) {
  for (size_t i = 0; i < table.size(); i++)
    if (table[i].name == op) return static_cast<int>(i);
  throw std::runtime_error("no op " + op);
}

// Buffers of a launch, freed however it ends.
struct Handles {
  Device& device;
  std::vector<brevity::Handle> all;
  ~Handles() {
    for (const brevity::Handle handle : all) device.release(handle);
  }
};

std::vector<std::vector<char>> run(Device& device, int op, const std::vector<Argument>& arguments,
                                   const Params& params) {
  std::vector<std::vector<char>> results;
  {
    Handles handles{device, {}};
    for (const Argument& a : arguments) {
      handles.all.push_back(device.allocate(static_cast<int64_t>(a.bytes.size())));
      device.copyIn(handles.all.back(), 0, a.bytes.data(), static_cast<int64_t>(a.bytes.size()));
    }
    device.launch(op, handles.all.data(), static_cast<int>(handles.all.size()), params.data(),
                  static_cast<int>(params.size()));
    for (size_t i = 0; i < arguments.size(); i++) {
      results.emplace_back(arguments[i].bytes.size());
      device.copyOut(handles.all[i], 0, results.back().data(), static_cast<int64_t>(results.back().size()));
    }
  }
  CHECK(device.memory().used == 0);
  return results;
}

template <typename T>
std::string difference(const std::vector<char>& actual, const std::vector<char>& expected, double tolerance) {
  const size_t n = expected.size() / sizeof(T);
  for (size_t i = 0; i < n; i++) {
    T a, e;
    std::memcpy(&a, actual.data() + i * sizeof(T), sizeof(T));
    std::memcpy(&e, expected.data() + i * sizeof(T), sizeof(T));
    const auto x = static_cast<double>(a), y = static_cast<double>(e);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    // NaN is not close to anything.
    if (std::fabs(x - y) <= tolerance * std::fmax(1.0, std::fabs(y))) continue;
    char text[160];
    std::snprintf(text, sizeof text, "element %zu of %zu is %.9g, on the cpu %.9g", i, n, x, y);
    return text;
  }
  return "";
}

std::string differenceOf(Kind kind, const std::vector<char>& actual, const std::vector<char>& expected,
                         double tolerance) {
  switch (kind) {
    case Kind::f32:
      return difference<float>(actual, expected, tolerance);
    case Kind::f64:
      return difference<double>(actual, expected, tolerance);
    case Kind::i32:
      return difference<int32_t>(actual, expected, 0);
    case Kind::u8:
      return difference<uint8_t>(actual, expected, 0);
    case Kind::bf16:
      return difference<uint16_t>(actual, expected, 0);
  }
  return "";
}

std::string describe(const std::string& op, const Params& params) {
  std::string text = op + " (";
  for (size_t i = 0; i < params.size() && i < 12; i++) {
    char number[32];
    std::snprintf(number, sizeof number, "%s%g", i > 0 ? ", " : "", params[i]);
    text += number;
  }
  return text + ")";
}

}  // namespace

Test::Test(const char* name, void (*run)()) { tests().push_back({name, run}); }

void fail(const char* file, int line, const std::string& what) {
  failures++;
  std::printf("%s:%d: %s: %s\n", file, line, testName, what.c_str());
}

std::vector<std::vector<char>> runCpu(const std::string& op, const std::vector<Argument>& arguments,
                                      const Params& params) {
  const auto device = brevity::makeCpuDevice(int64_t{4} << 30, true);
  return run(*device, indexOf(brevity::cpuOps(), op), arguments, params);
}

// Compares the cpu device on one thread and on four, which must not change a bit.
void compareThreads(const std::string& op, const std::vector<Argument>& arguments, const Params& params) {
  compared.insert(op);
  brevity::setThreads(1);
  const auto expected = runCpu(op, arguments, params);
  brevity::setThreads(4);
  checks++;
  if (runCpu(op, arguments, params) != expected)
    fail(__FILE__, __LINE__, describe(op, params) + " changes with the number of threads");
}

std::vector<std::vector<char>> runEmulated(const std::string& op, const std::vector<Argument>& arguments,
                                           const Params& params, Precision precision) {
  compared.insert(op);
  // A GPU is opened once per precision, because opening loads modules and pins memory.
  static std::map<Precision, std::unique_ptr<brevity::cuda::OpDevice>> opened;
  std::unique_ptr<brevity::cuda::OpDevice> emulated;
  if (gpu && opened.count(precision) == 0)
    opened[precision] = brevity::cuda::makeDriverDevice(0, int64_t{4} << 30, true, precision);
  if (!gpu) emulated = brevity::cuda::makeEmulatedDevice(int64_t{4} << 30, precision, library);
  auto& device = gpu ? opened[precision] : emulated;
  return run(*device, indexOf(brevity::cuda::ops(), op), arguments, params);
}

void compare(const std::string& op, const std::vector<Argument>& arguments, const Params& params, double tolerance,
             Precision precision) {
  try {
    if (cpuOnly) return compareThreads(op, arguments, params);
    if (fake) {
      runEmulated(op, arguments, params, precision);
      return;
    }
    const auto expected = runCpu(op, arguments, params);
    const auto actual = runEmulated(op, arguments, params, precision);
    for (size_t i = 0; i < arguments.size(); i++) {
      checks++;
      // Inputs must be unchanged.
      const auto& right = arguments[i].output ? expected[i] : arguments[i].bytes;
      const std::string off =
          differenceOf(arguments[i].kind, actual[i], right, arguments[i].output ? tolerance : 0);
      if (!off.empty()) fail(__FILE__, __LINE__, describe(op, params) + " buffer " + std::to_string(i) + ": " + off);
    }
    if (gpu) return;
    for (const Order order : {Order::reverse, Order::shuffled}) {
      brevity::emulator::setOrder(order);
      const auto again = runEmulated(op, arguments, params, precision);
      brevity::emulator::setOrder(Order::forward);
      checks++;
      if (again != actual) fail(__FILE__, __LINE__, describe(op, params) + " changes with the order of threads");
    }
  } catch (const std::exception& error) {
    brevity::emulator::setOrder(Order::forward);
    fail(__FILE__, __LINE__, describe(op, params) + " threw: " + error.what());
  }
}

// tests [--large] [--gpu | --fake | --cpu] [name...]: on the first GPU instead of in the emulator; over a fake driver;
// the cpu device on one thread against four
int main(int count, char** arguments) {
  std::set<std::string> wanted;
  for (int i = 1; i < count; i++) {
    if (std::strcmp(arguments[i], "--large") == 0)
      large = true;
    else if (std::strcmp(arguments[i], "--gpu") == 0)
      gpu = true;
    else if (std::strcmp(arguments[i], "--fake") == 0)
      gpu = fake = true;
    else if (std::strcmp(arguments[i], "--cpu") == 0)
      cpuOnly = true;
    else
      wanted.insert(arguments[i]);
  }
  if (gpu) {
    try {
      std::printf("%s\n", brevity::cuda::makeDriverDevice(0, int64_t{1} << 30, true, Precision::fp32)->description().c_str());
    } catch (const std::exception& error) {
      std::printf("%s\n", error.what());
      return 3;
    }
  }
  int ran = 0;
  for (const Registered& test : tests()) {
    if (!wanted.empty() && wanted.count(test.name) == 0) continue;
    testName = test.name;
    ran++;
    try {
      test.run();
    } catch (const std::exception& error) {
      fail(__FILE__, __LINE__, std::string("threw: ") + error.what());
    }
  }
  if (wanted.empty()) {
    testName = "every op";
    for (const auto& op : cpuOnly ? brevity::cpuOps() : brevity::cuda::ops())
      if (compared.count(op.name) == 0) fail(__FILE__, __LINE__, op.name + " has no test");
    for (const auto& op : brevity::cpuOps()) {
      const auto& table = brevity::cuda::ops();
      if (std::none_of(table.begin(), table.end(), [&](const auto& entry) { return entry.name == op.name; }))
        fail(__FILE__, __LINE__, "the CUDA devices lack " + op.name);
    }
  }
  std::printf("%d tests, %d checks, %d failures\n", ran, checks, failures);
  return failures == 0 && ran > 0 ? 0 : 1;
}
