#include "driver.h"

#include <stdexcept>

namespace brevity {
namespace cuda {
namespace {

// The first driver with graph flags (cuGraphInstantiateWithFlags), and with everything else used here.
constexpr int kOldest = 11040;

Driver load() {
  const Library library = Library::open({"libcuda.so.1"});
  if (!library)
    throw std::runtime_error("there is no NVIDIA driver here: libcuda.so.1 cannot be loaded (" + library.problem() +
                             "); install the NVIDIA driver, 580 or newer, or start the container with its GPUs");
  Driver driver;
#define GET(name, symbol, parameters) library.get(symbol, &driver.name);
  // First the functions that every driver has, so that an old driver is reported by its version rather than by a
  // missing function.
  library.get("cuInit", &driver.init);
  library.get("cuDriverGetVersion", &driver.driverVersion);
  if (driver.driverVersion(&driver.version) == 0 && driver.version < kOldest)
    throw std::runtime_error("the NVIDIA driver is too old (it brings CUDA " + std::to_string(driver.version / 1000) + "." +
                             std::to_string(driver.version % 1000 / 10) + "); install 580 or newer");
  BREVITY_DRIVER_FUNCTIONS(GET)
#undef GET
#if defined(BREVITY_EMULATED)
  driver.forTests = library.find("fakeCuda") != nullptr;
#endif
  const CUresult result = driver.init(0);
  if (result == kNoDevice)
    throw std::runtime_error("the NVIDIA driver finds no GPU; look at `nvidia-smi` and at CUDA_VISIBLE_DEVICES");
  if (result != 0) throw std::runtime_error("the NVIDIA driver does not start: " + driver.describe(result));
  return driver;
}

}  // namespace

const Driver& Driver::get() {
  static const Driver driver = load();
  return driver;
}

std::string Driver::describe(CUresult error) const {
  const char *name = nullptr, *text = nullptr;
  if (errorName == nullptr || errorText == nullptr || errorName(error, &name) != 0 || errorText(error, &text) != 0)
    return "error " + std::to_string(error);
  return std::string(name) + ", " + text;
}

}  // namespace cuda
}  // namespace brevity
