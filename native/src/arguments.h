// The arguments of a call from JavaScript, checked.
#pragma once
#include <node_api.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "device.h"

namespace brevity {

// A Node-API call failed, or left an exception pending.
struct NapiFailure {};

inline void check(napi_status status) {
  if (status != napi_ok) throw NapiFailure{};
}

// The arguments of a call.
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    check(napi_get_cb_info(env, info, &count_, values_, nullptr, nullptr));
  }

  napi_value value(size_t i) const {
    if (i >= count_ || i >= kMost) throw std::runtime_error("argument " + std::to_string(i) + " is missing");
    return values_[i];
  }
  double number(size_t i) const {
    double result;
    if (napi_get_value_double(env_, value(i), &result) != napi_ok)
      throw std::runtime_error("argument " + std::to_string(i) + " must be a number");
    return result;
  }
  int64_t integer(size_t i) const {
    const double result = number(i);
    const auto whole = static_cast<int64_t>(result);
    if (!(result >= -9007199254740992.0 && result <= 9007199254740992.0) || static_cast<double>(whole) != result)
      throw std::runtime_error("argument " + std::to_string(i) + " must be a whole number");
    return whole;
  }
  Handle handle(size_t i) const {
    const int64_t whole = integer(i);
    if (whole < 0 || whole > UINT32_MAX) throw std::runtime_error("argument " + std::to_string(i) + " is no buffer");
    return static_cast<Handle>(whole);
  }
  bool boolean(size_t i) const {
    bool result;
    if (napi_get_value_bool(env_, value(i), &result) != napi_ok)
      throw std::runtime_error("argument " + std::to_string(i) + " must be true or false");
    return result;
  }
  std::string text(size_t i) const {
    char text[64] = {0};
    size_t length = 0;
    if (napi_get_value_string_utf8(env_, value(i), text, sizeof text, &length) != napi_ok)
      throw std::runtime_error("argument " + std::to_string(i) + " must be a text");
    return text;
  }
  // Any typed array's memory and its size in bytes.
  std::pair<void*, int64_t> bytes(size_t i) const {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    if (napi_get_typedarray_info(env_, value(i), &type, &length, &data, nullptr, nullptr) != napi_ok)
      throw std::runtime_error("argument " + std::to_string(i) + " must be a typed array");
    static constexpr int kWidths[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
    return {data, static_cast<int64_t>(length) * kWidths[type]};
  }
  std::pair<const double*, int64_t> doubles(size_t i) const {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    const napi_status status = napi_get_typedarray_info(env_, value(i), &type, &length, &data, nullptr, nullptr);
    if (status != napi_ok || type != napi_float64_array)
      throw std::runtime_error("argument " + std::to_string(i) + " must be a Float64Array");
    return {static_cast<const double*>(data), static_cast<int64_t>(length)};
  }

 private:
  static constexpr size_t kMost = 6;
  napi_env env_;
  size_t count_ = kMost;
  napi_value values_[kMost];
};

}  // namespace brevity
