// AMX's registers and instructions in plain C++, after Intel's manual (LDTILECFG, TILELOADD, TILESTORED, TILEZERO,
// TILERELEASE, TDPBF16PS), so that any processor runs src/kernels/bf16Amx.h. The Makefile puts it before the files of
// kernels. What would fault on the processor aborts here.
#pragma once
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "rounding.h"

#define BREVITY_NS amx_shim
#define BREVITY_BF16_IN_USE Bf16::amx
#define BREVITY_AMX

// Threads whose registers are configured: bf16.cc.
extern std::atomic<int> configuredThreads;

namespace shim {

struct AmxRegisters {
  bool configured = false;
  int rows[8] = {}, bytes[8] = {};
  uint8_t data[8][16][64] = {};
};
static thread_local AmxRegisters amx;

static inline void expectAmx(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "AMX: %s\n", what);
  std::abort();
}

}  // namespace shim

static inline void _tile_loadconfig(const void* memory) {
  const uint8_t* bytes = static_cast<const uint8_t*>(memory);
  shim::expectAmx(!shim::amx.configured, "the registers are configured already, and would be cleared");
  shim::expectAmx(bytes[0] == 1 && bytes[1] == 0, "another palette, or a restart");
  for (int i = 2; i < 16; i++) shim::expectAmx(bytes[i] == 0, "a reserved byte is not zero");
  for (int tile = 0; tile < 16; tile++) {
    const int width = bytes[16 + 2 * tile] | bytes[17 + 2 * tile] << 8, rows = bytes[48 + tile];
    if (tile >= 8) {
      shim::expectAmx(width == 0 && rows == 0, "there are eight registers");
      continue;
    }
    shim::expectAmx(width <= 64 && rows <= 16 && (width == 0) == (rows == 0), "a register is too large, or has one size");
    shim::amx.bytes[tile] = width;
    shim::amx.rows[tile] = rows;
  }
  std::memset(shim::amx.data, 0, sizeof shim::amx.data);
  shim::amx.configured = true;
  configuredThreads++;
}

static inline void _tile_release() {
  if (shim::amx.configured) configuredThreads--;
  shim::amx = shim::AmxRegisters();
}

static inline void _tile_zero(int tile) {
  shim::expectAmx(shim::amx.rows[tile] > 0, "the register is not configured");
  std::memset(shim::amx.data[tile], 0, sizeof shim::amx.data[tile]);
}

static inline void _tile_loadd(int tile, const void* from, int64_t stride) {
  _tile_zero(tile);
  for (int row = 0; row < shim::amx.rows[tile]; row++)
    std::memcpy(shim::amx.data[tile][row], static_cast<const uint8_t*>(from) + row * stride,
                static_cast<size_t>(shim::amx.bytes[tile]));
}

static inline void _tile_stored(int tile, void* to, int64_t stride) {
  shim::expectAmx(shim::amx.rows[tile] > 0, "the register is not configured");
  for (int row = 0; row < shim::amx.rows[tile]; row++)
    std::memcpy(static_cast<uint8_t*>(to) + row * stride, shim::amx.data[tile][row],
                static_cast<size_t>(shim::amx.bytes[tile]));
}

static inline void _tile_dpbf16ps(int sums, int left, int right) {
  const auto& amx = shim::amx;
  const int rows = amx.rows[sums], columns = amx.bytes[sums] / 4, pairs = amx.bytes[left] / 4;
  shim::expectAmx(sums != left && sums != right && left != right, "the same register twice");
  shim::expectAmx(rows > 0 && pairs > 0 && rows == amx.rows[left] && pairs == amx.rows[right] &&
                      amx.bytes[right] == amx.bytes[sums],
                  "the registers' sizes do not fit");
  const auto half = [&](int tile, int row, int at) {
    uint16_t bits;
    std::memcpy(&bits, amx.data[tile][row] + 2 * at, sizeof bits);
    return shim::widened(bits);
  };
  for (int m = 0; m < rows; m++)
    for (int n = 0; n < columns; n++) {
      float even = 0, odd = 0, sum;
      for (int k = 0; k < pairs; k++) {
        even = shim::fmaToNearest(half(left, m, 2 * k), half(right, k, 2 * n), even);
        odd = shim::fmaToNearest(half(left, m, 2 * k + 1), half(right, k, 2 * n + 1), odd);
      }
      uint8_t* at = shim::amx.data[sums][m] + 4 * n;
      std::memcpy(&sum, at, sizeof sum);
      sum = shim::sumToNearest(sum, shim::sumToNearest(even, odd));
      std::memcpy(at, &sum, sizeof sum);
    }
}
