#include <cstdlib>
#include <cstring>

#include "check.h"

int checks = 0, failures = 0;
std::string context;

struct Registered {
  const char* name;
  void (*run)();
};
static std::vector<Registered>& tests() {
  static std::vector<Registered> all;
  return all;
}
Test::Test(const char* name, void (*run)()) { tests().push_back({name, run}); }

void onThreads(const std::string& name, const std::function<Floats()>& compute,
               const std::function<void(const Floats&)>& check) {
  Floats first;
  for (int threads = 1; threads <= 3; threads++) {
    context = name + " with " + std::to_string(threads) + " threads";
    brevity::setThreads(threads);
    Floats outputs = compute();
    if (threads == 1) {
      first = outputs;
      check(outputs);
    } else {
      CHECK(outputs.size() == first.size());
      CHECK(outputs.empty() || std::memcmp(outputs.data(), first.data(), outputs.size() * sizeof(float)) == 0);
    }
  }
}

void everywhere(const std::string& name, const std::function<Floats()>& compute,
                const std::function<void(const Floats&)>& check) {
  for (brevity::Isa isa : allSets)
    if (brevity::setIsa(isa)) onThreads(name + " on " + brevity::isaName(isa), compute, check);
  brevity::setIsa(brevity::bestIsa());
}

// With an argument: the tests whose names contain it.
int main(int argc, char** argv) {
  // Whoever names instructions wants to see them run.
  if (std::getenv("BREVITY_BF16") != nullptr && brevity::currentBf16() == brevity::Bf16::none) {
    std::printf("%s\n", brevity::bf16Problem());
    return 1;
  }
  int ran = 0;
  for (const Registered& test : tests()) {
    if (argc > 1 && std::strstr(test.name, argv[1]) == nullptr) continue;
    int before = failures;
    context = test.name;
    test.run();
    ran++;
    if (failures > before) std::printf("%s failed\n", test.name);
  }
  std::string sets;
  for (brevity::Isa isa : allSets)
    if (brevity::isaRuns(isa)) sets += std::string(" ") + brevity::isaName(isa);
  for (brevity::Bf16 instructions : allBf16)
    if (brevity::bf16Runs(instructions)) sets += std::string(" ") + brevity::bf16Name(instructions);
  std::printf("%d tests, %d checks, %d failures on%s\n", ran, checks, failures, sets.c_str());
  return failures == 0 && ran > 0 ? 0 : 1;
}
