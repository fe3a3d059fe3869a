// Recorded steps (../../src/recording.h) on every device: a replay gives the same results as the step itself, uses the
// memory of one step, and throws for what it cannot do.
#include "devices.h"

using brevity::Device;
using brevity::Handle;

namespace {

constexpr int64_t kRows = 3, kWidth = 5, kTokens = 37;

// A step like decoding's: a product, intermediate results that are released, a choice of tokens whose penalty needs
// working memory, and a state that changes in place.
class Step {
 public:
  explicit Step(const OpenDevice& opened) : device(*opened.device), opened_(opened) {
    Random random(7);
    x_ = made(Floats(kRows * kWidth));
    uniforms_ = made(Doubles(kRows));
    w = made(random.floats(kWidth * kTokens));
    seen_ = made(Ints{1, 2, 3, 4, 36});
    starts_ = made(Ints{0, 2, 2, 5});
    for (Handle& part : state_) part = made(Floats(kRows, 0.5f));
  }

  void write(uint64_t seed) {
    Random random(seed);
    const Floats x = random.floats(kRows * kWidth, 2);
    const Doubles uniforms = {random.uniform(), random.uniform(), random.uniform()};
    device.copyIn(x_, 0, x.data(), kRows * kWidth * 4);
    device.copyIn(uniforms_, 0, uniforms.data(), kRows * 8);
  }

  // Returns the tokens and their log-probabilities.
  std::vector<Handle> run() {
    const double elements = kRows * kTokens;
    const Handle logits = device.allocate(kRows * kTokens * 4);
    launch("MatMul", {x_, w, logits}, {1, 0, 0, kRows, kTokens, kWidth, 0, 0, 0, 0, 0});
    Handle last = logits;
    for (int layer = 0; layer < layers; layer++) {
      const Handle next = device.allocate(kRows * kTokens * 4);
      launch("Neg", {last, next}, {elements, 0});
      device.release(last);
      last = next;
    }
    const std::vector<Handle> chosen = {device.allocate(kRows * 4), device.allocate(kRows * 4)};
    launch("SampleTokens", {last, uniforms_, chosen[0], chosen[1], seen_, starts_},
           {kRows, kTokens, 1.5, 0.9, 0, 0, 1.3});
    device.release(last);
    launch("AdamW", {state_[0], chosen[1], state_[1], state_[2]}, {1, 0.1, 0.9, 0.99, 1e-8, 1, 1, 1, kRows, 0});
    return chosen;
  }

  int record(std::vector<Handle>* outputs) {
    device.beginRecording();
    *outputs = run();
    return device.endRecording();
  }

  void launch(const std::string& op, const std::vector<Handle>& handles, const Params& params) {
    device.launch(opened_.op(op), handles.data(), static_cast<int>(handles.size()), params.data(),
                  static_cast<int>(params.size()));
  }

  // All results of a step.
  std::vector<char> results(const std::vector<Handle>& outputs) {
    std::vector<char> all;
    for (const Handle handle : {outputs[0], outputs[1], state_[0], state_[1], state_[2]}) {
      std::vector<char> part(kRows * 4);
      device.copyOut(handle, 0, part.data(), kRows * 4);
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }

  Device& device;
  Handle w = 0;
  int layers = 4;

 private:
  template <typename T>
  Handle made(const std::vector<T>& values) {
    const auto bytes = static_cast<int64_t>(values.size() * sizeof(T));
    const Handle handle = device.allocate(bytes);
    device.copyIn(handle, 0, values.data(), bytes);
    return handle;
  }

  const OpenDevice& opened_;
  Handle x_ = 0, uniforms_ = 0, seen_ = 0, starts_ = 0, state_[3] = {0, 0, 0};
};

}  // namespace

TEST(recordedStepsEqualDirectOnes) {
  onEveryDevice([](const auto& open) {
    std::vector<std::vector<char>> direct, replayed;
    {
      const OpenDevice opened = open();
      Step step(opened);
      for (uint64_t seed = 1; seed <= 5; seed++) {
        step.write(seed);
        const auto outputs = step.run();
        direct.push_back(step.results(outputs));
        for (const Handle handle : outputs) step.device.release(handle);
      }
    }
    const OpenDevice opened = open();
    Step step(opened);
    const auto before = step.device.memory();
    std::vector<Handle> outputs;
    step.write(1);
    const int id = step.record(&outputs);
    replayed.push_back(step.results(outputs));
    const auto recorded = step.device.memory();
    for (uint64_t seed = 2; seed <= 5; seed++) {
      step.write(seed);
      step.device.replay(id);
      replayed.push_back(step.results(outputs));
    }
    CHECK(replayed == direct);
    CHECK(direct[1] != direct[2]);
    CHECK(step.device.memory().used == recorded.used);
    for (const Handle handle : outputs) step.device.release(handle);
    CHECK(step.device.memory().used == recorded.used);
    step.device.disposeRecording(id);
    CHECK(step.device.memory().used == before.used && step.device.memory().buffers == before.buffers);
    CHECK_THROWS(step.device.replay(id), "there is no recorded step");
  });
}

TEST(recordedStepsTakeTheMemoryOfOne) {
  onEveryDevice([](const auto& open) {
    int64_t used[2];
    for (const int layers : {2, 40}) {
      const OpenDevice opened = open();
      Step step(opened);
      step.layers = layers;
      std::vector<Handle> outputs;
      step.write(1);
      step.record(&outputs);
      used[layers > 2] = step.device.memory().used;
    }
    CHECK(used[0] == used[1]);
  });
}

TEST(recordedStepsNeedTheirBuffers) {
  onEveryDevice([](const auto& open) {
    const OpenDevice opened = open();
    Step step(opened);
    std::vector<Handle> outputs;
    step.write(1);
    const int id = step.record(&outputs);
    // The handle and very likely the address are the same as before, but the buffer is another.
    step.device.release(step.w);
    CHECK_THROWS(step.device.replay(id), "of a recorded step was released since; the step must be recorded anew");
    CHECK(step.device.allocate(kWidth * kTokens * 4) == step.w);
    CHECK_THROWS(step.device.replay(id), "of a recorded step was released since");
  });
}

TEST(recordingsRefuseTheHost) {
  onEveryDevice([](const auto& open) {
    const OpenDevice opened = open();
    Step step(opened);
    const auto before = step.device.memory();
    char values[4] = {0};
    int64_t bytes = 0;
    step.device.beginRecording();
    const Handle inside = step.device.allocate(4);
    CHECK_THROWS(step.device.copyIn(inside, 0, values, 4), "a buffer is written from the host while a step is recorded");
    CHECK_THROWS(step.device.copyIn(step.w, 0, values, 4), "a buffer is written from the host while a step is recorded");
    CHECK_THROWS(step.device.copyOut(step.w, 0, values, 4), "a buffer is read by the host while a step is recorded");
    CHECK_THROWS(step.device.hostPointer(step.w, &bytes), "a buffer is written from the host while a step is recorded");
    CHECK_THROWS(step.device.beginRecording(), "a step is being recorded already");
    CHECK_THROWS(step.device.replay(0), "cannot replay another");
    step.device.abandonRecording();
    // It continues as an ordinary buffer.
    step.device.copyIn(inside, 0, values, 4);
    step.device.release(inside);
    CHECK(step.device.memory().used == before.used && step.device.memory().buffers == before.buffers);
    CHECK_THROWS(step.device.endRecording(), "no step is being recorded");
    CHECK_THROWS(step.device.abandonRecording(), "no step is being recorded");
  });
}

TEST(recordingsWithAFailedOpAreAbandoned) {
  onEveryDevice([](const auto& open) {
    const OpenDevice opened = open();
    Step step(opened);
    const auto before = step.device.memory();
    step.device.beginRecording();
    const auto outputs = step.run();
    CHECK_THROWS(step.launch("Neg", {outputs[0], outputs[1]}, {1000, 0}), "Neg needs 1000 elements");
    CHECK_THROWS(step.device.endRecording(), "an op of the step that is being recorded failed");
    for (const Handle handle : outputs) step.device.release(handle);
    step.device.abandonRecording();
    CHECK(step.device.memory().used == before.used && step.device.memory().buffers == before.buffers);
    // The next step works normally.
    std::vector<Handle> again;
    step.device.replay(step.record(&again));
  });
}

TEST(buffersOutliveTheirRecording) {
  onEveryDevice([](const auto& open) {
    const OpenDevice opened = open();
    Step step(opened);
    const auto before = step.device.memory();
    std::vector<Handle> outputs;
    step.write(1);
    const int id = step.record(&outputs);
    const auto results = step.results(outputs);
    step.device.disposeRecording(id);
    CHECK(step.results(outputs) == results);
    CHECK(step.device.memory().buffers == before.buffers + 2);
    for (const Handle handle : outputs) step.device.release(handle);
    CHECK(step.device.memory().used == before.used);
    CHECK_THROWS(step.device.disposeRecording(id), "there is no recorded step");
  });
}

TEST(replaysFindFaults) {
  onEveryDevice([](const auto& open) {
    const OpenDevice opened = open();
    Step step(opened);
    Device& device = step.device;
    const Handle index = device.allocate(4);
    const auto write = [&](int32_t value) { device.copyIn(index, 0, &value, 4); };
    const auto gather = [&] {
      const Handle row = device.allocate(kTokens * 4);
      step.launch("Gather", {step.w, index, row}, {4, 1, 1, kWidth, 1, kTokens});
      return row;
    };
    write(4);
    device.beginRecording();
    const Handle row = gather();
    const int id = device.endRecording();
    float values[kTokens];
    write(5);
    // The message is the op's, whether the op throws at once or the kernel reports it.
    CHECK_THROWS((device.replay(id), device.copyOut(row, 0, values, kTokens * 4)), "the index value 5 is not in [0, 4]");
    write(3);
    device.replay(id);
    device.copyOut(row, 0, values, kTokens * 4);
  });
}
