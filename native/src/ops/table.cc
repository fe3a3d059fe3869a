#include "table.h"

#include <algorithm>

namespace brevity {

static OpTable opsOf(bool rounded) {
  OpTable ops;
  addElementwiseOps(ops);
  addShapeOps(ops);
  addReduceOps(ops);
  addMatMulOps(ops, rounded);
  addModelOps(ops);
  addPackedOps(ops);
  addTrainingOps(ops, rounded);
  return ops;
}

const std::vector<OpEntry>& cpuOps(bool rounded) {
  static const OpTable exact = opsOf(false), rounding = opsOf(true);
  return rounded ? rounding : exact;
}

Strides stridesAt(const Launch& l, int at) {
  Strides s;
  const int64_t rank = l.integer(at);
  if (rank < 1 || rank > kMaxRank) l.fail("takes 1 to 12 axes");
  s.rank = static_cast<int>(rank);
  for (int i = 0; i < s.rank; i++) {
    s.dims[i] = l.count(at + 1 + i);
    s.a[i] = l.integer(at + 1 + s.rank + i);
    s.b[i] = l.integer(at + 1 + 2 * s.rank + i);
  }
  return s;
}

void expectWithin(const Launch& l, int buffer, int width, int64_t offset, const Strides& s, const int64_t* strides) {
  int64_t least = offset, most = offset;
  for (int i = 0; i < s.rank; i++) {
    if (s.dims[i] == 0) return;
    const int64_t reach = (s.dims[i] - 1) * strides[i];
    (reach < 0 ? least : most) += reach;
  }
  if (least < 0) l.fail("reaches before a buffer's start");
  l.as<char>(buffer, (most + 1) * width);
}

}  // namespace brevity
