// The Node-API interface of a device (device.h): one device per environment, so that worker threads have their own.
// Every call checks its arguments and turns failures into JavaScript errors: out of memory has `code` OUT_OF_MEMORY and
// `bytes`, a lost device has `code` DEVICE_LOST.
//
// Leaves out tensors (src/tensor/native/).
#include <node_api.h>

#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "arguments.h"
#include "device.h"
#include "isa.h"
#include "open.h"
#include "threads.h"

namespace brevity {
namespace {

struct State {
  Opened opened{};
  std::vector<Handle> handles;
};

State& stateOf(napi_env env) {
  void* data = nullptr;
  check(napi_get_instance_data(env, &data));
  return *static_cast<State*>(data);
}

Device& deviceOf(napi_env env) {
  State& state = stateOf(env);
  if (state.opened.device == nullptr) throw std::runtime_error("open() has not been called");
  return *state.opened.device;
}

void throwOutOfMemory(napi_env env, int64_t bytes) {
  napi_value code, message, error, number;
  check(napi_create_string_utf8(env, "OUT_OF_MEMORY", NAPI_AUTO_LENGTH, &code));
  check(napi_create_string_utf8(env, "out of memory", NAPI_AUTO_LENGTH, &message));
  check(napi_create_error(env, code, message, &error));
  check(napi_create_double(env, static_cast<double>(bytes), &number));
  check(napi_set_named_property(env, error, "bytes", number));
  check(napi_throw(env, error));
}

// Wraps one of our functions as a Node-API callback.
template <napi_value (*function)(napi_env, const Arguments&)>
napi_value guarded(napi_env env, napi_callback_info info) {
  try {
    return function(env, Arguments(env, info));
  } catch (const OutOfMemory& error) {
    try {
      throwOutOfMemory(env, error.bytes);
    } catch (const NapiFailure&) {
    }
  } catch (const NapiFailure&) {
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (!pending) napi_throw_error(env, nullptr, "a call of Node-API failed in the native backend");
  } catch (const std::bad_alloc&) {
    try {
      throwOutOfMemory(env, 0);
    } catch (const NapiFailure&) {
    }
  } catch (const DeviceLost& error) {
    napi_throw_error(env, "DEVICE_LOST", error.what());
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

napi_value numberValue(napi_env env, double number) {
  napi_value result;
  check(napi_create_double(env, number, &result));
  return result;
}

napi_value textValue(napi_env env, const char* text) {
  napi_value result;
  check(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result));
  return result;
}

// open(device, threads, memoryLimit, poison, precision): opens the environment's device, returns {isa, threads, ops,
// description, problem?}.
napi_value open(napi_env env, const Arguments& args) {
  State& state = stateOf(env);
  if (state.opened.device != nullptr) throw std::runtime_error("a device is open already");
  setThreads(static_cast<int>(args.integer(1)));
  state.opened = openDevice(args.text(0), args.integer(2), args.boolean(3), args.text(4));
  napi_value result, ops;
  check(napi_create_object(env, &result));
  check(napi_set_named_property(env, result, "isa", textValue(env, isaName(currentIsa()))));
  check(napi_set_named_property(env, result, "threads", numberValue(env, threads())));
  check(napi_set_named_property(env, result, "description", textValue(env, state.opened.description.c_str())));
  const auto& entries = *state.opened.ops;
  check(napi_create_array_with_length(env, entries.size(), &ops));
  for (uint32_t i = 0; i < entries.size(); i++) check(napi_set_element(env, ops, i, textValue(env, entries[i].name.c_str())));
  check(napi_set_named_property(env, result, "ops", ops));
  if (isaProblem() != nullptr) check(napi_set_named_property(env, result, "problem", textValue(env, isaProblem())));
  return result;
}

// measure(): {bytesPerSecond, operationsPerSecond} of a GPU.
napi_value measure(napi_env env, const Arguments&) {
  deviceOf(env);
  const State& state = stateOf(env);
  if (state.opened.measure == nullptr) throw std::runtime_error("this device has no rates to measure");
  double bytes = 0, operations = 0;
  state.opened.measure(&bytes, &operations);
  napi_value result;
  check(napi_create_object(env, &result));
  check(napi_set_named_property(env, result, "bytesPerSecond", numberValue(env, bytes)));
  check(napi_set_named_property(env, result, "operationsPerSecond", numberValue(env, operations)));
  return result;
}

napi_value startProfile(napi_env env, const Arguments&) {
  deviceOf(env).startProfile();
  return nullptr;
}

// endProfile(): {seconds, ops: [{op, count, seconds}]}
napi_value endProfile(napi_env env, const Arguments&) {
  const Profile profile = deviceOf(env).endProfile();
  napi_value result, ops;
  check(napi_create_object(env, &result));
  check(napi_create_array_with_length(env, profile.ops.size(), &ops));
  for (uint32_t i = 0; i < profile.ops.size(); i++) {
    const OpTime& time = profile.ops[i];
    napi_value entry;
    check(napi_create_object(env, &entry));
    check(napi_set_named_property(env, entry, "op", textValue(env, time.op.c_str())));
    check(napi_set_named_property(env, entry, "count", numberValue(env, static_cast<double>(time.count))));
    check(napi_set_named_property(env, entry, "seconds", numberValue(env, time.seconds)));
    check(napi_set_element(env, ops, i, entry));
  }
  check(napi_set_named_property(env, result, "seconds", numberValue(env, profile.seconds)));
  check(napi_set_named_property(env, result, "ops", ops));
  return result;
}

// close(): frees every buffer.
napi_value close(napi_env env, const Arguments&) {
  stateOf(env).opened = Opened{};
  return nullptr;
}

napi_value allocate(napi_env env, const Arguments& args) {
  return numberValue(env, deviceOf(env).allocate(args.integer(0)));
}

napi_value release(napi_env env, const Arguments& args) {
  deviceOf(env).release(args.handle(0));
  return nullptr;
}

// write(buffer, typed array, offset in bytes)
napi_value write(napi_env env, const Arguments& args) {
  const auto [data, bytes] = args.bytes(1);
  deviceOf(env).copyIn(args.handle(0), args.integer(2), data, bytes);
  return nullptr;
}

// read(buffer, typed array, offset in bytes)
napi_value read(napi_env env, const Arguments& args) {
  const auto [data, bytes] = args.bytes(1);
  deviceOf(env).copyOut(args.handle(0), args.integer(2), data, bytes);
  return nullptr;
}

// map(buffer, f): f gets the buffer's memory as an ArrayBuffer, which is detached when f returns or throws. Returns
// false, without calling f, if the host cannot write the device's memory.
napi_value map(napi_env env, const Arguments& args) {
  int64_t bytes = 0;
  void* data = deviceOf(env).hostPointer(args.handle(0), &bytes);
  napi_value result;
  check(napi_get_boolean(env, data != nullptr, &result));
  if (data == nullptr) return result;
  napi_value memory, global;
  check(napi_create_external_arraybuffer(env, data, static_cast<size_t>(bytes), nullptr, nullptr, &memory));
  check(napi_get_global(env, &global));
  const napi_status called = napi_call_function(env, global, args.value(1), 1, &memory, nullptr);
  napi_value thrown = nullptr;
  bool pending = false;
  check(napi_is_exception_pending(env, &pending));
  if (pending) check(napi_get_and_clear_last_exception(env, &thrown));
  check(napi_detach_arraybuffer(env, memory));
  if (thrown != nullptr) check(napi_throw(env, thrown));
  check(called);
  return result;
}

// launch(op, words, buffers, params): words is a Float64Array that holds the buffers, then the params.
napi_value launch(napi_env env, const Arguments& args) {
  State& state = stateOf(env);
  Device& device = deviceOf(env);
  const auto [words, length] = args.doubles(1);
  const int64_t buffers = args.integer(2), params = args.integer(3);
  if (buffers < 0 || params < 0 || buffers > length || params > length - buffers)
    throw std::runtime_error("a launch has fewer words than it says");
  state.handles.resize(static_cast<size_t>(buffers));
  for (int64_t i = 0; i < buffers; i++) state.handles[i] = static_cast<Handle>(words[i]);
  device.launch(static_cast<int>(args.integer(0)), state.handles.data(), static_cast<int>(buffers), words + buffers,
                static_cast<int>(params));
  return nullptr;
}

// Recorded steps (recording.h): a step runs from the first call to the second, which returns its number, or to the
// third.
napi_value beginRecording(napi_env env, const Arguments&) {
  deviceOf(env).beginRecording();
  return nullptr;
}
napi_value endRecording(napi_env env, const Arguments&) { return numberValue(env, deviceOf(env).endRecording()); }
napi_value abandonRecording(napi_env env, const Arguments&) {
  deviceOf(env).abandonRecording();
  return nullptr;
}
napi_value replay(napi_env env, const Arguments& args) {
  deviceOf(env).replay(static_cast<int>(args.integer(0)));
  return nullptr;
}
napi_value disposeRecording(napi_env env, const Arguments& args) {
  deviceOf(env).disposeRecording(static_cast<int>(args.integer(0)));
  return nullptr;
}

napi_value synchronize(napi_env env, const Arguments&) {
  deviceOf(env).synchronize();
  return nullptr;
}

// memory(): {used, cached, peak, buffers}
napi_value memory(napi_env env, const Arguments&) {
  const MemoryUse use = deviceOf(env).memory();
  napi_value result;
  check(napi_create_object(env, &result));
  const std::pair<const char*, int64_t> entries[] = {
      {"used", use.used}, {"cached", use.cached}, {"peak", use.peak}, {"buffers", use.buffers}};
  for (const auto& [name, value] : entries)
    check(napi_set_named_property(env, result, name, numberValue(env, static_cast<double>(value))));
  return result;
}

napi_value trim(napi_env env, const Arguments&) {
  deviceOf(env).trim();
  return nullptr;
}

napi_value init(napi_env env, napi_value exports) {
  auto* state = new State;
  const auto destroy = [](napi_env, void* data, void*) { delete static_cast<State*>(data); };
  if (napi_set_instance_data(env, state, destroy, nullptr) != napi_ok) {
    delete state;
    return nullptr;
  }
  const napi_property_descriptor properties[] = {
#define FUNCTION(name) {#name, nullptr, guarded<name>, nullptr, nullptr, nullptr, napi_enumerable, nullptr}
      FUNCTION(open), FUNCTION(measure), FUNCTION(startProfile), FUNCTION(endProfile), FUNCTION(close),
      FUNCTION(allocate), FUNCTION(release), FUNCTION(write), FUNCTION(read), FUNCTION(map), FUNCTION(launch),
      FUNCTION(memory), FUNCTION(synchronize), FUNCTION(trim),
      FUNCTION(beginRecording), FUNCTION(endRecording), FUNCTION(abandonRecording), FUNCTION(replay), FUNCTION(disposeRecording),
#undef FUNCTION
  };
  napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties);
  return exports;
}

}  // namespace
}  // namespace brevity

NAPI_MODULE_INIT() { return brevity::init(env, exports); }
