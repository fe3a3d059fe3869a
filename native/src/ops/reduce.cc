// A comment on each op lists its buffers, then its params.
#include "../elements/reduce.h"

#include "../kernels/softmax.h"
#include "table.h"

namespace brevity {
namespace {

// x, y; outer, n, inner
template <typename T, typename R>
std::function<void(const Launch&)> reduction(void (*f)(const T*, R*, int64_t, int64_t, int64_t)) {
  return [f](const Launch& l) {
    const int64_t outer = l.count(0), n = l.count(1), inner = l.count(2);
    f(l.as<T>(0, outer * n * inner), l.as<R>(1, outer * inner), outer, n, inner);
  };
}

// x, y; outer, n, exclusive, reverse
template <typename T>
std::function<void(const Launch&)> scan(void (*f)(const T*, T*, int64_t, int64_t, bool, bool)) {
  return [f](const Launch& l) {
    const int64_t outer = l.count(0), n = l.count(1);
    f(l.as<T>(0, outer * n), l.as<T>(1, outer * n), outer, n, l.number(2) != 0, l.number(3) != 0);
  };
}

template <typename T>
void addFor(OpTable& table, const std::string& suffix) {
  using Fold = void (*)(const T*, T*, int64_t, int64_t, int64_t);
  using Scan = void (*)(const T*, T*, int64_t, int64_t, bool, bool);
  table.push_back({"Sum" + suffix, reduction(static_cast<Fold>(sum))});
  table.push_back({"Prod" + suffix, reduction(static_cast<Fold>(product))});
  table.push_back({"Max" + suffix, reduction(static_cast<Fold>(maximum))});
  table.push_back({"Min" + suffix, reduction(static_cast<Fold>(minimum))});
  table.push_back({"Cumsum" + suffix, scan(static_cast<Scan>(runningSum))});
  table.push_back({"Cumprod" + suffix, scan(static_cast<Scan>(runningProduct))});
}

// x, y; N, V
void softmaxOp(const Launch& l) {
  const int64_t N = l.count(0), V = l.count(1);
  softmax(l.floats(0, N * V), l.floats(1, N * V), N, V);
}
void logSoftmaxOp(const Launch& l) {
  const int64_t N = l.count(0), V = l.count(1);
  logSoftmax(l.floats(0, N * V), l.floats(1, N * V), N, V);
}

// x, values, indices; outer, n, k
void topKOp(const Launch& l) {
  const int64_t outer = l.count(0), n = l.count(1), k = l.count(2);
  if (k > n) l.fail("takes k up to the number of elements");
  topK(l.floats(0, outer * n), l.floats(1, outer * k), l.ints(2, outer * k), outer, n, k);
}

}  // namespace

void addReduceOps(OpTable& table) {
  addFor<float>(table, "");
  addFor<int32_t>(table, "/int32");
  table.push_back({"Mean", reduction(mean)});
  table.push_back({"All", reduction(all)});
  table.push_back({"Any", reduction(any)});
  table.push_back({"ArgMax", reduction(argMax)});
  table.push_back({"ArgMin", reduction(argMin)});
  table.push_back({"Softmax", softmaxOp});
  table.push_back({"LogSoftmax", logSoftmaxOp});
  table.push_back({"TopK", topKOp});
}

}  // namespace brevity
