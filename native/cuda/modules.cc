#include "modules.h"

#include <stdexcept>

#include "compiler.h"

namespace brevity {
namespace cuda {
namespace {

// CUDA version of the PTX in the repository.
constexpr int kPtxVersion = 13000;

std::string moduleOf(const char* file) {
  std::string name(file);
  const size_t folder = name.find_last_of('/');
  if (folder != std::string::npos) name.erase(0, folder + 1);
  return name.substr(0, name.find('.'));
}

}  // namespace

Modules::Modules(const Driver& driver, int major, int minor)
    : driver_(driver), architecture_("sm_" + std::to_string(major) + std::to_string(minor)), origin_("PTX") {
  if (major < 8)
    throw std::runtime_error("the card's compute capability is " + std::to_string(major) + "." + std::to_string(minor) +
                             "; the kernels need 8.0 (Ampere) or newer");
  if (driver.version >= kPtxVersion) return;
  try {
    origin_ = Compiler::get(driver.version / 1000).name();
    compiles_ = true;
  } catch (const std::exception& error) {
    throw std::runtime_error("the NVIDIA driver is too old for the built kernels (it brings CUDA " +
                             std::to_string(driver.version / 1000) + "." + std::to_string(driver.version % 1000 / 10) +
                             "; they need 13.0), and they cannot be compiled for it: " + error.what() +
                             "; install driver 580 or newer, or the package nvidia-cuda-nvrtc-cu" +
                             std::to_string(driver.version / 1000));
  }
}

Modules::~Modules() {
  for (const auto& [name, module] : modules_) driver_.moduleUnload(module);
}

CUmodule Modules::load(const std::string& name) {
  const auto known = modules_.find(name);
  if (known != modules_.end()) return known->second;
  std::string code;
  const char* image = embeddedPtx(name);
  if (compiles_) {
    std::vector<SourceFile> headers;
    for (const std::string& header : embeddedHeaders()) headers.push_back({header, embeddedSource(header)});
    const char* source = embeddedSource(name + ".cu");
    if (source == nullptr) throw std::runtime_error("this build has no source of " + name + ".cu");
    code = Compiler::get(driver_.version / 1000).compile({name + ".cu", source}, headers, architecture_);
    image = code.data();
  }
  if (image == nullptr) throw std::runtime_error("this build has no kernels of " + name + ".cu");
  char log[4096] = {0};
  int options[] = {kErrorLog, kErrorLogBytes};
  void* values[] = {log, reinterpret_cast<void*>(sizeof log)};
  CUmodule module = nullptr;
  const CUresult result = driver_.moduleLoad(&module, image, 2, options, values);
  if (result != 0)
    throw std::runtime_error("the driver does not take the kernels of " + name + ".cu (" + driver_.describe(result) + ") " + log);
  modules_[name] = module;
  return module;
}

CUfunction Modules::find(const Kernel& kernel, int64_t sharedBytes) {
  auto known = kernels_.find(&kernel);
  if (known == kernels_.end()) {
    const CUmodule module = load(moduleOf(kernel.file));
    CUfunction function = nullptr;
    const CUresult result = driver_.moduleFunction(&function, module, kernel.name);
    if (result != 0) throw std::runtime_error(std::string("no kernel ") + kernel.name + ": " + driver_.describe(result));
    // Shared memory that a kernel may use without a special request.
    known = kernels_.emplace(&kernel, Found{function, 48 * 1024}).first;
  }
  Found& found = known->second;
  if (sharedBytes > found.sharedBytes) {
    const CUresult result = driver_.functionAttribute(found.function, kDynamicSharedBytes, static_cast<int>(sharedBytes));
    if (result != 0)
      throw std::runtime_error(std::string(kernel.name) + " needs " + std::to_string(sharedBytes) +
                               " bytes of shared memory: " + driver_.describe(result));
    found.sharedBytes = sharedBytes;
  }
  return found.function;
}

}  // namespace cuda
}  // namespace brevity
