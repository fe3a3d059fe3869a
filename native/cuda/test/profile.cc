// Profiles (../../src/profile.h) of every device.
#include <map>

#include "devices.h"

using brevity::Handle;
using brevity::Profile;

namespace {

std::map<std::string, int64_t> countsOf(const Profile& profile) {
  std::map<std::string, int64_t> counts;
  double before = INFINITY, sum = 0;
  for (const auto& [op, count, seconds] : profile.ops) {
    counts[op] = count;
    // The slowest comes first.
    CHECK(seconds >= 0 && seconds <= before);
    before = seconds;
    sum += seconds;
  }
  // Events have a resolution of half a microsecond.
  CHECK(sum <= profile.seconds + 1e-6 * static_cast<double>(profile.ops.size()));
  return counts;
}

}  // namespace

TEST(profilesNameWhatRan) {
  onEveryDevice([](const auto& open) {
    const OpenDevice opened = open();
    brevity::Device& device = *opened.device;
    const Handle a = device.allocate(6 * 4), b = device.allocate(12 * 4), c = device.allocate(8 * 4);
    const Floats numbers(12, 1);
    device.copyIn(a, 0, numbers.data(), 6 * 4);
    device.copyIn(b, 0, numbers.data(), 12 * 4);
    const auto launch = [&](const std::string& op, const std::vector<Handle>& handles, const Params& params) {
      device.launch(opened.op(op), handles.data(), static_cast<int>(handles.size()), params.data(),
                    static_cast<int>(params.size()));
    };
    const auto multiply = [&](double M, double K) { launch("MatMul", {a, b, c}, {1, 0, 0, M, 4, K, 0, 0, 0, 0, 0}); };
    multiply(2, 3);
    CHECK_THROWS(device.endProfile(), "no profile was started");
    device.startProfile();
    CHECK(device.endProfile().ops.empty());

    device.beginRecording();
    launch("Neg", {a, a}, {6, 0});
    const int step = device.endRecording();
    device.replay(step);
    device.startProfile();
    multiply(2, 3);
    multiply(2, 3);
    multiply(1, 2);
    for (int i = 0; i < 3; i++) device.replay(step);
    const std::map<std::string, int64_t> expected = {{"MatMul 2×4×3", 2}, {"MatMul 1×4×2", 1}, {"Neg", 3}};
    CHECK(countsOf(device.endProfile()) == expected);

    // Earlier ops are forgotten.
    device.startProfile();
    launch("Neg", {a, a}, {6, 0});
    CHECK(countsOf(device.endProfile()) == (std::map<std::string, int64_t>{{"Neg", 1}}));
    device.disposeRecording(step);
    for (const Handle handle : {a, b, c}) device.release(handle);
  });
}
