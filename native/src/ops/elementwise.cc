// A comment on each op lists its buffers, then its params; n is a number of elements.
#include "../elements/elementwise.h"

#include "../kernels/activations.h"
#include "table.h"

namespace brevity {
namespace {

// x, y; n. For kernels that have a version for each instruction set.
void addFast(OpTable& table, const char* name, void (**kernel)(const float*, float*, int64_t)) {
  table.push_back({name, [kernel](const Launch& l) {
                     const int64_t n = l.count(0);
                     (*kernel)(l.floats(0, n), l.floats(1, n), n);
                   }});
}

template <typename T, typename R, typename F>
void addBinary(OpTable& table, const Named<F>* rows, const char* suffix) {
  for (; rows->name != nullptr; rows++) {
    // a, b, y; strides
    table.push_back({std::string(rows->name) + suffix, [f = rows->function](const Launch& l) {
                       const Strides s = stridesAt(l, 0);
                       expectWithin(l, 0, sizeof(T), 0, s, s.a);
                       expectWithin(l, 1, sizeof(T), 0, s, s.b);
                       f(l.as<T>(0, 0), l.as<T>(1, 0), l.as<R>(2, sizeOf(s)), s);
                     }});
  }
}

Type typeAt(const Launch& l, int i) {
  const int64_t code = l.integer(i);
  if (code < 0 || code > 2) l.fail("has an unknown element type");
  return static_cast<Type>(code);
}

int widthOf(Type type) { return type == Type::boolean ? 1 : 4; }

// x, y; from, to, n
void castOp(const Launch& l) {
  const Type from = typeAt(l, 0), to = typeAt(l, 1);
  const int64_t n = l.count(2);
  cast(l.as<char>(0, n * widthOf(from)), from, l.as<char>(1, n * widthOf(to)), to, n);
}

// x, y in bfloat16; n
void narrowOp(const Launch& l) {
  const int64_t n = l.count(0);
  narrow(l.floats(0, n), l.halves(1, n), n);
}
// x in bfloat16, y; n
void widenOp(const Launch& l) {
  const int64_t n = l.count(0);
  widen(l.halves(0, n), l.floats(1, n), n);
}

// x, y; n, least, most
void clipFloat(const Launch& l) {
  const int64_t n = l.count(0);
  clip(l.floats(0, n), l.floats(1, n), n, static_cast<float>(l.number(1)), static_cast<float>(l.number(2)));
}
void clipInt(const Launch& l) {
  const int64_t n = l.count(0);
  clip(l.ints(0, n), l.ints(1, n), n, static_cast<int32_t>(l.number(1)), static_cast<int32_t>(l.number(2)));
}

// condition, a, b, y; width, n, inner
void selectOp(const Launch& l) {
  const int64_t width = l.count(0), n = l.count(1), inner = l.count(2);
  if (inner < 1) l.fail("takes inner from 1 on");
  select(l.as<uint8_t>(0, n / inner), l.as<char>(1, n * width), l.as<char>(2, n * width), l.as<char>(3, n * width),
         static_cast<int>(width), n, inner);
}

// y; type, n, value
void fillOp(const Launch& l) {
  const int64_t n = l.count(1);
  const double value = l.number(2);
  switch (typeAt(l, 0)) {
    case Type::float32: {
      const auto word = static_cast<float>(value);
      return fill(l.floats(0, n), &word, 4, n);
    }
    case Type::int32: {
      const auto word = static_cast<int32_t>(value);
      return fill(l.ints(0, n), &word, 4, n);
    }
    case Type::boolean: {
      const auto byte = static_cast<uint8_t>(value != 0);
      return fill(l.as<uint8_t>(0, n), &byte, 1, n);
    }
  }
}

// y; type, n, start, step
void rangeOp(const Launch& l) {
  const int64_t n = l.count(1);
  if (typeAt(l, 0) == Type::float32) return range(l.floats(0, n), n, l.number(2), l.number(3));
  range(l.ints(0, n), n, l.number(2), l.number(3));
}

// indices, y; type, n, depth, on, off
void oneHotOp(const Launch& l) {
  const int64_t n = l.count(1), depth = l.count(2);
  const double on = l.number(3), off = l.number(4);
  const int32_t* at = l.ints(0, n);
  switch (typeAt(l, 0)) {
    case Type::float32:
      return oneHot(at, l.floats(1, n * depth), n, depth, static_cast<float>(on), static_cast<float>(off));
    case Type::int32:
      return oneHot(at, l.ints(1, n * depth), n, depth, static_cast<int32_t>(on), static_cast<int32_t>(off));
    case Type::boolean:
      return oneHot(at, l.as<uint8_t>(1, n * depth), n, depth, static_cast<uint8_t>(on != 0),
                    static_cast<uint8_t>(off != 0));
  }
}

}  // namespace

void addElementwiseOps(OpTable& table) {
  addFast(table, "Exp", &exponential);
  addFast(table, "Sigmoid", &sigmoid);
  addFast(table, "Tanh", &hyperbolicTangent);
  addFast(table, "Erf", &errorFunction);
  for (const auto* row = kUnaryFloat; row->name != nullptr; row++) {
    // x, y; n, alpha
    table.push_back({row->name, [f = row->function](const Launch& l) {
                       const int64_t n = l.count(0);
                       f(l.floats(0, n), l.floats(1, n), n, static_cast<float>(l.number(1)));
                     }});
  }
  for (const auto* row = kUnaryInt; row->name != nullptr; row++) {
    table.push_back({std::string(row->name) + "/int32", [f = row->function](const Launch& l) {
                       const int64_t n = l.count(0);
                       f(l.ints(0, n), l.ints(1, n), n, static_cast<int32_t>(l.number(1)));
                     }});
  }
  for (const auto* row = kPredicates; row->name != nullptr; row++) {
    // x, y; n
    table.push_back({row->name, [f = row->function](const Launch& l) {
                       const int64_t n = l.count(0);
                       f(l.floats(0, n), l.as<uint8_t>(1, n), n);
                     }});
  }
  addBinary<float, float>(table, kBinaryFloat, "");
  addBinary<int32_t, int32_t>(table, kBinaryInt, "/int32");
  addBinary<float, uint8_t>(table, kCompareFloat, "");
  addBinary<int32_t, uint8_t>(table, kCompareInt, "/int32");
  addBinary<uint8_t, uint8_t>(table, kLogical, "");
  table.push_back({"LogicalNot", [](const Launch& l) {
                     const int64_t n = l.count(0);
                     logicalNot(l.as<uint8_t>(0, n), l.as<uint8_t>(1, n), n);
                   }});
  table.push_back({"Cast", castOp});
  table.push_back({"Narrow", narrowOp});
  table.push_back({"Widen", widenOp});
  table.push_back({"ClipByValue", clipFloat});
  table.push_back({"ClipByValue/int32", clipInt});
  table.push_back({"Select", selectOp});
  table.push_back({"Fill", fillOp});
  table.push_back({"Range", rangeOp});
  table.push_back({"OneHot", oneHotOp});
}

}  // namespace brevity
