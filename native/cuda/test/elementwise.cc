// Unary and binary functions, casts, selections, fills.
#include <limits>

#include "compare.h"

namespace {

const float kInfinity = std::numeric_limits<float>::infinity();

// Odd lengths: less than a block, one more than a block, and more than one pass of the grid (2·8·256 threads).
const int64_t kLengths[] = {1, 257, 4500};

Floats withSpecials(Floats x) {
  const float specials[] = {0.0f, -0.0f, 1.0f, -1.0f, 0.5f, -2.5f, 1.5f, kInfinity, -kInfinity, NAN, 88.0f, 3e9f, -3e9f};
  for (size_t i = 0; i < std::size(specials) && i < x.size(); i++) x[i] = specials[i];
  return x;
}

Ints withSpecials(Ints x) {
  const int32_t specials[] = {0, -1, 1, INT32_MIN, INT32_MAX, 7, -7};
  for (size_t i = 0; i < std::size(specials) && i < x.size(); i++) x[i] = specials[i];
  return x;
}

}  // namespace

TEST(unaryFloats) {
  Random random(11);
  const char* takeAlpha[] = {"Abs",   "Acos",  "Acosh",     "Asin", "Asinh", "Atan", "Atanh",      "Ceil", "Cos",
                             "Cosh",  "Elu",   "Expm1",     "Floor", "LeakyRelu", "Log", "Log1p",  "Neg",  "Reciprocal",
                             "Relu",  "Relu6", "Round",     "Rsqrt", "Selu", "Sign", "Sin",        "Sinh", "Softplus",
                             "Sqrt",  "Square", "Step",     "Tan"};
  for (const int64_t n : kLengths)
    for (const char* op : takeAlpha)
      compare(op, {in(withSpecials(random.floats(n, 4))), outFloats(n)}, {static_cast<double>(n), 0.3}, 3e-6);
  for (const int64_t n : kLengths)
    for (const char* op : {"Exp", "Sigmoid", "Tanh", "Erf"})
      compare(op, {in(withSpecials(random.floats(n, 6))), outFloats(n)}, {static_cast<double>(n)}, 1e-6);
  for (const char* op : {"IsNan", "IsInf", "IsFinite"})
    compare(op, {in(withSpecials(random.floats(257))), outBytes(257)}, {257});
  compare("LogicalNot", {in(random.bytes(300)), outBytes(300)}, {300});
  compare("Neg", {in(Floats{}), outFloats(0)}, {0, 0});
}

TEST(unaryInts) {
  Random random(12);
  for (const char* op : {"Abs/int32", "Neg/int32", "Square/int32", "Sign/int32", "Relu/int32", "Relu6/int32",
                         "Step/int32", "Ceil/int32", "Floor/int32", "Round/int32"})
    compare(op, {in(withSpecials(random.ints(300, 100))), outInts(300)}, {300, 5});
}

TEST(binary) {
  Random random(13);
  // rank, dims, strides of a, strides of b: the same shape, a scalar, a row against a column, a repeated axis; in packs
  // of four the same shape, rows with one row, rows with one column, a column with a row; rows that begin within a pack
  struct Walk {
    Params params;
    int64_t a, b, n;
  };
  const Walk walks[] = {{{1, 257, 1, 1}, 257, 257, 257},
                        {{1, 4500, 1, 0}, 4500, 1, 4500},
                        {{2, 17, 19, 1, 0, 0, 1}, 17, 19, 17 * 19},
                        {{3, 3, 5, 7, 35, 7, 1, 0, 1, 0}, 105, 5, 105},
                        {{1, 4500, 1, 1}, 4500, 4500, 4500},
                        {{2, 17, 20, 20, 1, 0, 1}, 340, 20, 340},
                        {{2, 17, 20, 20, 1, 1, 0}, 340, 17, 340},
                        {{2, 17, 20, 1, 0, 0, 1}, 17, 20, 340},
                        {{2, 5, 8, 9, 1, 8, 1}, 44, 40, 40}};
  for (const Walk& walk : walks) {
    for (const char* op : {"Add", "Atan2", "EluGrad", "FloorDiv", "Maximum", "Minimum", "Mod", "Multiply", "Prelu",
                           "RealDiv", "SquaredDifference", "Sub"})
      compare(op, {in(withSpecials(random.floats(walk.a, 3))), in(random.floats(walk.b, 3)), outFloats(walk.n)},
              walk.params, 2e-6);
    compare("Pow", {in(random.floats(walk.a, 3)), in(Floats(static_cast<size_t>(walk.b), 3.0f)), outFloats(walk.n)},
            walk.params, 1e-5);
    for (const char* op : {"Add/int32", "FloorDiv/int32", "Maximum/int32", "Minimum/int32", "Mod/int32",
                           "Multiply/int32", "RealDiv/int32", "SquaredDifference/int32", "Sub/int32"})
      compare(op, {in(withSpecials(random.ints(walk.a, 1000))), in(withSpecials(random.ints(walk.b, 9))),
                   outInts(walk.n)},
              walk.params);
    compare("Pow/int32", {in(random.ints(walk.a, 9)), in(random.ints(walk.b, 12)), outInts(walk.n)}, walk.params);
    for (const char* op : {"Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual"}) {
      compare(op, {in(withSpecials(random.floats(walk.a))), in(withSpecials(random.floats(walk.b))), outBytes(walk.n)},
              walk.params);
      compare(std::string(op) + "/int32", {in(random.ints(walk.a, 5)), in(random.ints(walk.b, 5)), outBytes(walk.n)},
              walk.params);
    }
    for (const char* op : {"LogicalAnd", "LogicalOr"})
      compare(op, {in(random.bytes(walk.a)), in(random.bytes(walk.b)), outBytes(walk.n)}, walk.params);
  }
  CHECK_THROWS(runEmulated("Add", {in(random.floats(3)), in(random.floats(4)), outFloats(4)}, {1, 4, 1, 1},
                           brevity::cuda::Precision::fp32),
               "Add needs 16 elements in buffer 0");
}

TEST(casts) {
  Random random(14);
  const Floats x = withSpecials(random.floats(300, 1e5));
  const Ints whole = withSpecials(random.ints(300, 3));
  const Bytes truth = random.bytes(300);
  compare("Cast", {in(x), outFloats(300)}, {0, 0, 300});
  compare("Cast", {in(x), outInts(300)}, {0, 1, 300});
  compare("Cast", {in(x), outBytes(300)}, {0, 2, 300});
  compare("Cast", {in(whole), outFloats(300)}, {1, 0, 300});
  compare("Cast", {in(whole), outInts(300)}, {1, 1, 300});
  compare("Cast", {in(whole), outBytes(300)}, {1, 2, 300});
  compare("Cast", {in(truth), outFloats(300)}, {2, 0, 300});
  compare("Cast", {in(truth), outInts(300)}, {2, 1, 300});
  compare("Cast", {in(truth), outBytes(300)}, {2, 2, 300});
}

TEST(choices) {
  Random random(15);
  compare("ClipByValue", {in(withSpecials(random.floats(300, 3))), outFloats(300)}, {300, -1, 1.5});
  compare("ClipByValue/int32", {in(withSpecials(random.ints(300, 30))), outInts(300)}, {300, 3, 20});
  compare("Select", {in(random.bytes(300)), in(random.floats(300)), in(random.floats(300)), outFloats(300)}, {4, 300, 1});
  compare("Select", {in(random.bytes(30)), in(random.floats(300)), in(random.floats(300)), outFloats(300)}, {4, 300, 10});
  compare("Select", {in(random.bytes(30)), in(random.bytes(300)), in(random.bytes(300)), outBytes(300)}, {1, 300, 10});
  compare("Fill", {outFloats(300)}, {0, 300, -2.75});
  compare("Fill", {outInts(300)}, {1, 300, -7});
  compare("Fill", {outBytes(300)}, {2, 300, 1});
  compare("Range", {outFloats(300)}, {0, 300, 0.1, 0.3});
  compare("Range", {outInts(300)}, {1, 300, 5, -2});
  compare("OneHot", {in(Ints{0, 4, -1, 5, 2}), outFloats(25)}, {0, 5, 5, 1, -0.5});
  compare("OneHot", {in(Ints{0, 4, -1, 5, 2}), outInts(25)}, {1, 5, 5, 3, 0});
  compare("OneHot", {in(Ints{0, 4, -1, 5, 2}), outBytes(25)}, {2, 5, 5, 1, 0});
}
