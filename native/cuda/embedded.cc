// PTX and sources of the kernels, embedded in the addon, so that it is a single file. The build defines
// BREVITY_CUDA_DIR as this folder's path.
#include <cstring>
#include <string>

#include "modules.h"
#include "ops.h"

#if defined(__linux__) && defined(BREVITY_CUDA_DIR)

// A file's text as a C string.
#define EMBED(symbol, file)                                                                                     \
  asm(".pushsection .rodata\n.hidden " symbol "\n.global " symbol "\n" symbol ":\n.incbin \"" BREVITY_CUDA_DIR "/" file \
      "\"\n.byte 0\n.popsection\n");

#define MODULE(name)                                        \
  EMBED("brevityPtx_" #name, "ptx/" #name ".ptx")            \
  EMBED("brevitySource_" #name, #name ".cu")                 \
  extern "C" __attribute__((visibility("hidden"))) const char brevityPtx_##name[], brevitySource_##name[];
BREVITY_CUDA_MODULES(MODULE)
#undef MODULE

#define BREVITY_CUDA_HEADERS(X) X(axes) X(block) X(columns) X(cuda) X(decode) X(mma) X(segments) X(threshold) X(tiles)
#define HEADER(name)                                        \
  EMBED("brevityHeader_" #name, #name ".h")                  \
  extern "C" __attribute__((visibility("hidden"))) const char brevityHeader_##name[];
BREVITY_CUDA_HEADERS(HEADER)
#undef HEADER

namespace brevity {
namespace cuda {

const char* embeddedPtx(const std::string& module) {
#define MODULE(name) \
  if (module == #name) return brevityPtx_##name;
  BREVITY_CUDA_MODULES(MODULE)
#undef MODULE
  return nullptr;
}

const char* embeddedSource(const std::string& file) {
#define MODULE(name) \
  if (file == #name ".cu") return brevitySource_##name;
  BREVITY_CUDA_MODULES(MODULE)
#undef MODULE
#define HEADER(name) \
  if (file == #name ".h") return brevityHeader_##name;
  BREVITY_CUDA_HEADERS(HEADER)
#undef HEADER
  return nullptr;
}

const std::vector<std::string>& embeddedHeaders() {
#define HEADER(name) #name ".h",
  static const std::vector<std::string> names = {BREVITY_CUDA_HEADERS(HEADER)};
#undef HEADER
  return names;
}

}  // namespace cuda
}  // namespace brevity

#else

namespace brevity {
namespace cuda {

const char* embeddedPtx(const std::string&) { return nullptr; }
const char* embeddedSource(const std::string&) { return nullptr; }
const std::vector<std::string>& embeddedHeaders() {
  static const std::vector<std::string> none;
  return none;
}

}  // namespace cuda
}  // namespace brevity

#endif
