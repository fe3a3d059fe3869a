// Rotary position embedding (arXiv 2104.09864; ../src/kernels/rope.h): turns the pairs (i, i + half) of the first 2·half
// dimensions of every head; the others are copied. x, y [N, heads, d]; y may be x.
#include "cuda.h"

// One thread for each pair or lone dimension of each head of each row.
KERNEL ropeKernel(const float* x, const int32_t* positions, const float* cos, const float* sin, float* y, int64_t N,
                  int64_t heads, int64_t d, int64_t half, int64_t rows, float sign, Fault* fault) {
  const int64_t items = d - half;
  for (EACH(at, N * heads * items)) {
    const Division place = divide(at, items);
    const int64_t i = place.rest, head = place.whole, row = divide(head, heads).whole;
    const float* from = x + head * d;
    float* to = y + head * d;
    if (i >= half) {
      to[i + half] = from[i + half];
      continue;
    }
    const int64_t angle = checked(fault, positionFault, positions[row], rows) * half + i;
    const float c = cos[angle], s = sign * sin[angle], a = from[i], b = from[i + half];
    to[i] = a * c - b * s;
    to[i + half] = b * c + a * s;
  }
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {

void ropeOps(OpTable& table) {
  // x, positions, cos, sin, y; N, heads, d, half, rows of the tables, sign
  table.push_back({"Rope", [](const Launch& l) {
                     const int64_t N = l.count(0), heads = l.count(1), d = l.count(2), half = l.count(3),
                                   rows = l.count(4), n = N * heads * d;
                     if (2 * half > d) l.fail("rotates more than a head");
                     const float* x = l.floats(0, n);
                     const int32_t* positions = l.ints(1, N);
                     const float *cos = l.floats(2, rows * half), *sin = l.floats(3, rows * half);
                     float* y = l.floats(4, n);
                     if (n > 0 && half > 0 && rows == 0) l.fail("has no tables");
                     LAUNCH(ropeKernel, overElements(n - N * heads * half), x, positions, cos, sin, y, N, heads, d,
                            half, rows, l.number(5), static_cast<Fault*>(stream().fault()));
                   }});
}

}  // namespace cuda
}  // namespace brevity
#endif
