#include "graphs.h"

namespace brevity {
namespace cuda {

Graphs::~Graphs() {
  for (const auto& [id, graph] : graphs_) driver_.graphExecDestroy(graph);
}

CUresult Graphs::capture(int id, CUstream stream, const std::function<void()>& work) {
  // Thread-local mode: other threads may use their streams freely.
  CUresult result = driver_.captureBegin(stream, kCaptureThreadLocal);
  if (result != 0) return result;
  CUgraph graph = nullptr;
  try {
    work();
  } catch (...) {
    // Otherwise the stream would stay in capture mode and accept nothing else.
    if (driver_.captureEnd(stream, &graph) == 0) driver_.graphDestroy(graph);
    throw;
  }
  result = driver_.captureEnd(stream, &graph);
  if (result != 0) return result;
  CUgraphExec made = nullptr;
  result = driver_.graphInstantiate(&made, graph, 0);
  driver_.graphDestroy(graph);
  if (result == 0) graphs_[id] = made;
  return result;
}

void Graphs::forget(int id) {
  const auto found = graphs_.find(id);
  if (found == graphs_.end()) return;
  // A graph that still runs is freed once it is done.
  driver_.graphExecDestroy(found->second);
  graphs_.erase(found);
}

}  // namespace cuda
}  // namespace brevity
