// Finds shared libraries at run time: the NVIDIA driver, cuBLASLt, NVRTC.
#pragma once
#include <string>
#include <vector>

namespace brevity {
namespace cuda {

// A loaded library; it stays loaded for the life of the process.
class Library {
 public:
  // Opens the first of the names or paths that loads; if none does, `problem` says why the last one failed.
  static Library open(const std::vector<std::string>& names);

  explicit operator bool() const { return handle_ != nullptr; }
  const std::string& path() const { return path_; }
  const std::string& problem() const { return problem_; }
  // Null if the library has no such function.
  void* find(const char* symbol) const;
  // Throws if the library has no such function.
  template <typename F>
  void get(const char* symbol, F** function) const {
    *function = reinterpret_cast<F*>(required(symbol));
  }

 private:
  void* required(const char* symbol) const;

  void* handle_ = nullptr;
  std::string path_, problem_;
};

// Places to look for a library of the CUDA toolkit: BREVITY_CUDA_LIBRARIES, a list of folders, which come first; bare
// names; the toolkit; and Python packages, `nvidia/<folder>/lib` (those of this machine and of an active virtual
// environment or conda).
std::vector<std::string> toolkitCandidates(const std::vector<std::string>& names, const std::string& folder);

}  // namespace cuda
}  // namespace brevity
