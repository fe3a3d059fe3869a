// Recorded steps (../src/recording.h) as CUDA graphs: what a step launches is captured once and from then on given to
// the GPU by one call.
//
// While a stream is captured the driver refuses to wait for it or to ask about it, and an allocation on it would become
// part of the graph: a step that has run once needs none of these.
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
  // Makes graph `id` of what `work` launches on the stream, without running it. Throws what `work` throws.
  CUresult capture(int id, CUstream stream, const std::function<void()>& work);
  CUresult launch(int id, CUstream stream) const { return driver_.graphLaunch(graphs_.at(id), stream); }
  void forget(int id);
  // The driver may not answer any more: nothing is given back to it.
  void abandon() { graphs_.clear(); }

 private:
  const Driver& driver_;
  std::map<int, CUgraphExec> graphs_;
};

}  // namespace cuda
}  // namespace brevity
