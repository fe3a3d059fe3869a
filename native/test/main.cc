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

void everywhere(const std::string& name, const std::function<Floats()>& compute,
                const std::function<void(const Floats&)>& check) {
  for (brevity::Isa isa : {brevity::Isa::plain, brevity::Isa::neon, brevity::Isa::avx2, brevity::Isa::avx512}) {
    if (!brevity::setIsa(isa)) continue;
    Floats first;
    for (int threads = 1; threads <= 3; threads++) {
      context = name + " on " + brevity::isaName(isa) + " with " + std::to_string(threads) + " threads";
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
  brevity::setIsa(brevity::bestIsa());
}

// With an argument: the tests whose names contain it.
int main(int argc, char** argv) {
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
  for (brevity::Isa isa : {brevity::Isa::plain, brevity::Isa::neon, brevity::Isa::avx2, brevity::Isa::avx512})
    if (brevity::isaRuns(isa)) sets += std::string(" ") + brevity::isaName(isa);
  std::printf("%d tests, %d checks, %d failures on%s\n", ran, checks, failures, sets.c_str());
  return failures == 0 && ran > 0 ? 0 : 1;
}
