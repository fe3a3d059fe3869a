// Recorded steps (../src/recording.h) as CUDA graphs: a step's launches are captured once, and each replay is one call
// to the driver.
//
// During a capture the driver refuses to wait for the stream or to query it, and an allocation on it would become part
// of the graph. A step that has run once needs none of these.
//
// **Has not run on hardware yet** (docs/cuda.md).
#pragma once
#include <functional>
#include <map>

#include "driver.h"

namespace brevity {
namespace cuda {

class Graphs {
 public:
  explicit Graphs(const Driver& driver) : driver_(driver) {}
  ~Graphs();
  Graphs(const Graphs&) = delete;
  Graphs& operator=(const Graphs&) = delete;

  bool has(int id) const { return graphs_.count(id) > 0; }
  // Captures `work`'s launches on the stream as graph `id`, without running them. Throws what `work` throws.
  CUresult capture(int id, CUstream stream, const std::function<void()>& work);
  CUresult launch(int id, CUstream stream) const { return driver_.graphLaunch(graphs_.at(id), stream); }
  void forget(int id);
  // Drops the graphs without calling the driver, which may not answer any more.
  void abandon() { graphs_.clear(); }

 private:
  const Driver& driver_;
  std::map<int, CUgraphExec> graphs_;
};

}  // namespace cuda
}  // namespace brevity
