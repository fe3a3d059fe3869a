// NVRTC, NVIDIA's compiler as a library, if the machine has it: for drivers that are too old for our PTX.
#pragma once
#include <string>
#include <vector>

namespace brevity {
namespace cuda {

struct SourceFile {
  std::string name;
  const char* text;
};

class Compiler {
 public:
  // The machine's NVRTC of this major version of CUDA, whose code a driver of that version accepts. Throws if there is
  // none, and says which files were tried.
  static const Compiler& get(int major);

  // Machine code for an architecture such as sm_90. Throws with the compiler's log.
  std::string compile(const SourceFile& source, const std::vector<SourceFile>& headers,
                      const std::string& architecture) const;
  const std::string& name() const { return name_; }

 private:
  using Program = struct NvrtcProgram*;
  explicit Compiler(int major);
  void check(int result, const char* what) const;

  std::string name_;
  int (*version_)(int*, int*) = nullptr;
  int (*create_)(Program*, const char*, const char*, int, const char* const*, const char* const*) = nullptr;
  int (*compile_)(Program, int, const char* const*) = nullptr;
  int (*destroy_)(Program*) = nullptr;
  int (*codeSize_)(Program, size_t*) = nullptr;
  int (*code_)(Program, char*) = nullptr;
  int (*logSize_)(Program, size_t*) = nullptr;
  int (*log_)(Program, char*) = nullptr;
};

}  // namespace cuda
}  // namespace brevity
