#include "compiler.h"

#include <stdexcept>

#include "library.h"

namespace brevity {
namespace cuda {

const Compiler& Compiler::get(int major) {
  static const Compiler compiler(major);
  return compiler;
}

Compiler::Compiler(int major) {
  const std::string number = std::to_string(major);
  const std::vector<std::string> names = {"libnvrtc.so." + number, major == 11 ? "libnvrtc.so.11.2" : "libnvrtc.so"};
  const Library library = Library::open(toolkitCandidates(names, "cuda_nvrtc"));
  if (!library) throw std::runtime_error("no NVRTC of CUDA " + number + " is on this machine");
  library.get("nvrtcVersion", &version_);
  int found = 0, minor = 0;
  check(version_(&found, &minor), "tell its version");
  name_ = "NVRTC " + std::to_string(found) + "." + std::to_string(minor) + " (" + library.path() + ")";
  if (found != major) throw std::runtime_error(name_ + " is not of CUDA " + number);
  library.get("nvrtcCreateProgram", &create_);
  library.get("nvrtcCompileProgram", &compile_);
  library.get("nvrtcDestroyProgram", &destroy_);
  library.get("nvrtcGetCUBINSize", &codeSize_);
  library.get("nvrtcGetCUBIN", &code_);
  library.get("nvrtcGetProgramLogSize", &logSize_);
  library.get("nvrtcGetProgramLog", &log_);
}

void Compiler::check(int result, const char* what) const {
  if (result != 0) throw std::runtime_error("NVRTC could not " + std::string(what) + " (error " + std::to_string(result) + ")");
}

std::string Compiler::compile(const SourceFile& source, const std::vector<SourceFile>& headers,
                              const std::string& architecture) const {
  std::vector<const char*> texts, names;
  for (const SourceFile& header : headers) {
    texts.push_back(header.text);
    names.push_back(header.name.c_str());
  }
  Program program = nullptr;
  check(create_(&program, source.text, source.name.c_str(), static_cast<int>(headers.size()), texts.data(), names.data()),
        "take a source");
  const std::string target = "--gpu-architecture=" + architecture;
  const char* options[] = {target.c_str(), "--std=c++17"};
  const int compiled = compile_(program, 2, options);
  std::string log, code;
  size_t size = 0;
  if (logSize_(program, &size) == 0 && size > 1) {
    log.resize(size);
    log_(program, &log[0]);
  }
  int taken = compiled;
  if (compiled == 0) {
    taken = codeSize_(program, &size);
    code.resize(size);
    if (taken == 0) taken = code_(program, &code[0]);
  }
  destroy_(&program);
  if (taken != 0) throw std::runtime_error(name_ + " does not compile " + source.name + ": " + log);
  return code;
}

}  // namespace cuda
}  // namespace brevity
