#include "library.h"

#include <cstdlib>
#include <sstream>
#include <stdexcept>

#if defined(__linux__)
#include <dlfcn.h>
#include <glob.h>
#endif

namespace brevity {
namespace cuda {

#if defined(__linux__)

Library Library::open(const std::vector<std::string>& names) {
  Library library;
  for (const std::string& name : names) {
    library.handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library.handle_ != nullptr) {
      library.path_ = name;
      return library;
    }
    const char* why = dlerror();
    library.problem_ = why != nullptr ? why : "unknown";
  }
  return library;
}

void* Library::find(const char* symbol) const { return handle_ == nullptr ? nullptr : dlsym(handle_, symbol); }

namespace {

void addMatches(const std::string& pattern, std::vector<std::string>* paths) {
  glob_t found;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    for (size_t i = 0; i < found.gl_pathc; i++) paths->push_back(found.gl_pathv[i]);
  globfree(&found);
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

std::vector<std::string> toolkitCandidates(const std::vector<std::string>& names, const std::string& folder) {
  std::vector<std::string> paths;
  std::istringstream given(variable("BREVITY_CUDA_LIBRARIES"));
  for (std::string where; std::getline(given, where, ':');)
    for (const std::string& name : names)
      if (!where.empty()) paths.push_back(where + "/" + name);
  paths.insert(paths.end(), names.begin(), names.end());
  std::vector<std::string> roots = {"/usr/local/cuda/lib64", "/usr/local/cuda-*/lib64"};
  const std::string toolkit = variable("CUDA_HOME");
  if (!toolkit.empty()) roots.insert(roots.begin(), toolkit + "/lib64");
  std::vector<std::string> pythons = {"/usr/lib/python3", "/usr/local/lib/python3*", "/usr/lib/python3*",
                                      "/opt/conda/lib/python3*", "/opt/venv/lib/python3*"};
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"})
    if (!variable(name).empty()) pythons.insert(pythons.begin(), variable(name) + "/lib/python3*");
  if (!variable("HOME").empty()) pythons.push_back(variable("HOME") + "/.local/lib/python3*");
  for (const std::string& python : pythons)
    for (const char* packages : {"/site-packages", "/dist-packages"})
      // CUDA 13's wheels share one folder.
      for (const std::string& at : {folder, std::string("cu13")})
        roots.push_back(python + packages + "/nvidia/" + at + "/lib");
  for (const std::string& root : roots)
    for (const std::string& name : names) addMatches(root + "/" + name, &paths);
  return paths;
}

#else

Library Library::open(const std::vector<std::string>&) {
  Library library;
  library.problem_ = "only Linux is served";
  return library;
}
void* Library::find(const char*) const { return nullptr; }
std::vector<std::string> toolkitCandidates(const std::vector<std::string>& names, const std::string&) { return names; }

#endif

void* Library::required(const char* symbol) const {
  void* const function = find(symbol);
  if (function == nullptr) throw std::runtime_error(path_ + " has no function " + symbol);
  return function;
}

}  // namespace cuda
}  // namespace brevity
