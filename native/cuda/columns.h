// Gradients of a row's weights: sums over all rows, for each column, of what a kernel computes for a row. Blocks write
// partial sums over pieces of 64 rows; the pieces are added in order.
#pragma once
#include "cuda.h"

constexpr int kRowsOfPiece = 64;

// y [D] = Σ over pieces of partial [pieces, D]
DEVICE void addPieces(const float* partial, float* y, int64_t pieces, int64_t D) {
  for (EACH(j, D)) {
    double sum = 0;
    for (int64_t p = 0; p < pieces; p++) sum += partial[p * D + j];
    y[j] = static_cast<float>(sum);
  }
}
