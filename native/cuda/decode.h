// One step of decoding over up to 256 keys of one row and key head, for up to eight of its query heads: the parts of
// attentionDecode.cu's block. Blocks have kDecodeThreads threads; `n` floats are read at a time, 4 or 1.
#pragma once
#include "block.h"

constexpr int kDecodeThreads = 256;
constexpr int kChunk = 256;    // keys of a block
constexpr int kMostHeads = 8;  // query heads of a block: its softmax takes a warp a head
constexpr int kAtOnce = 4;     // keys or values that a thread loads before it uses the first
// A head's scores lie this far apart: when a warp writes, its lanes' 8 heads of 4 keys are in 32 banks.
constexpr int kScores = kChunk + 4;

// Maximum of a head's scores and Σ exp(score - max).
struct ChunkSoftmax {
  float max, sum;
};

struct DecodeArguments {
  int64_t B, H, K, d, capacity, window, prefixes, prefixCapacity;
  const float* q;
  const float* k;
  const float* v;
  float* keys;
  float* values;
  const int32_t* lengths;
  const float* prefixKeys;  // or null, as the next three
  const float* prefixValues;
  const int32_t* prefixIndex;
  const int32_t* prefixLengths;
  float* out;
  int64_t chunks;         // that a row may have; where it is 1, what follows is null
  ChunkSoftmax* softmax;  // [B, H, chunks]
  float* partial;         // [B, H, chunks, d], not divided by the sums
  int64_t tiles;          // of the query heads of a group
  int32_t headsOfTile;
  float scale;
};

// What a row sees: places [begin, end) of its sequence, first those of its prefix, then its own, last the new one.
struct Sight {
  int64_t prefix, prefixLength, length, begin, end;
};

DEVICE Sight sightOf(const DecodeArguments& a, int64_t b, Fault* fault) {
  Sight s;
  s.length = checked(fault, cacheFault, a.lengths[b], a.capacity);
  s.prefix = a.prefixIndex != nullptr ? a.prefixIndex[b] : -1;
  if (s.prefix < -1 || s.prefix >= a.prefixes) {
    report(fault, promptFault, static_cast<int>(s.prefix), a.prefixes);
    s.prefix = -1;
  }
  s.prefixLength = s.prefix >= 0 ? a.prefixLengths[s.prefix] : 0;
  if (s.prefixLength < 0 || s.prefixLength > a.prefixCapacity) {
    report(fault, promptFault, static_cast<int>(s.prefix), a.prefixes);
    s.prefixLength = 0;
  }
  s.end = s.prefixLength + s.length + 1;
  s.begin = a.window > 0 && s.end > a.window ? s.end - a.window : 0;
  return s;
}

// A row's keys, or values, by their places. The new one is not read from the cache: another block writes it there.
struct Places {
  const float *prefix, *own, *added;
  int64_t prefixLength, length, d;
  __device__ const float* at(int64_t place) const {
    if (place < prefixLength) return prefix + place * d;
    return place - prefixLength < length ? own + (place - prefixLength) * d : added;
  }
};

// scores [heads, count] of queries Q [heads, d]: eight lanes a key, a warp takes 16 keys at a time.
template <int heads, int n>
DEVICE void scoreChunk(const float* Q, const Places& keys, int64_t first, int count, int d, float scale,
                       float* scores) {
  constexpr int kLanes = 8, kSlots = 32 / kLanes, kStep = kSlots * kAtOnce, kLanesOfHead = kLanes / heads;
  const int part = threadIdx.x % kLanes, slot = threadIdx.x % 32 / kLanes;
  for (int j0 = threadIdx.x / 32 * kStep; j0 < count; j0 += kDecodeThreads / 32 * kStep) {
    const float* key[kAtOnce];
    float sums[kAtOnce][heads] = {};
    UNROLL
    for (int u = 0; u < kAtOnce; u++) {
      const int j = j0 + kSlots * u + slot;
      key[u] = keys.at(first + (j < count ? j : count - 1));
    }
    for (int c = part * n; c < d; c += kLanes * n) {
      Pack<float, n> k[kAtOnce];
      UNROLL
      for (int u = 0; u < kAtOnce; u++) k[u] = packAt<n>(key[u] + c);
      UNROLL
      for (int h = 0; h < heads; h++) {
        const Pack<float, n> q = packAt<n>(Q + h * d + c);
        UNROLL
        for (int u = 0; u < kAtOnce; u++) {
          UNROLL
          for (int i = 0; i < n; i++) sums[u][h] = fmaf(q.at[i], k[u].at[i], sums[u][h]);
        }
      }
    }
    UNROLL
    for (int u = 0; u < kAtOnce; u++) {
      const int j = j0 + kSlots * u + slot;
      sumOverLanes<heads, kLanes>(sums[u], part);
      if (part % kLanesOfHead == 0 && j < count) scores[part / kLanesOfHead * kScores + j] = sums[u][0] * scale;
    }
  }
}

// Each head's scores become exp(score - max), and 0 beyond their count.
DEVICE void softmaxChunk(float* scores, int heads, int count, ChunkSoftmax* softmax) {
  const int head = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (head >= heads) return;
  float* row = scores + head * kScores;
  float most = -INFINITE, sum = 0;
  for (int j = lane; j < count; j += 32) most = larger(most, row[j]);
  most = warpFold(most, Larger());
  for (int j = lane; j < kChunk; j += 32) {
    const float p = j < count ? expf(row[j] - most) : 0.0f;
    row[j] = p;
    sum += p;
  }
  sum = warpFold(sum, Plus());
  if (lane == 0) softmax[head] = ChunkSoftmax{most, sum};
}

// Threads lie in slots as wide as a value: a slot takes four neighbouring keys at a time.
template <int n>
struct Slots {
  int count, slot, column;
  __device__ explicit Slots(int d) {
    const int threads = d / n, fit = kDecodeThreads / threads, most = kChunk / kAtOnce;
    count = fit < most ? fit : most;
    slot = threadIdx.x / threads;
    column = threadIdx.x % threads * n;
  }
};

// sums [heads, n]: Σ score·value over the keys of the thread's slot, at its columns.
template <int heads, int n>
DEVICE void addValues(const float* scores, const Places& values, int64_t first, int count, const Slots<n>& slots,
                      float sums[heads][n]) {
  if (slots.slot >= slots.count) return;
  for (int j0 = slots.slot * kAtOnce; j0 < count; j0 += slots.count * kAtOnce) {
    Pack<float, n> v[kAtOnce];
    UNROLL
    for (int u = 0; u < kAtOnce; u++)
      v[u] = packAt<n>(values.at(first + (j0 + u < count ? j0 + u : count - 1)) + slots.column);
    UNROLL
    for (int h = 0; h < heads; h++) {
      const Pack<float, kAtOnce> p = packAt<kAtOnce>(scores + h * kScores + j0);
      UNROLL
      for (int u = 0; u < kAtOnce; u++) {
        UNROLL
        for (int i = 0; i < n; i++) sums[h][i] = fmaf(p.at[u], v[u].at[i], sums[h][i]);
      }
    }
  }
}

// The thread's sums into memory [heads, slots, d].
template <int heads, int n>
DEVICE void putSums(const float sums[heads][n], const Slots<n>& slots, int d, float* memory) {
  if (slots.slot >= slots.count) return;
  UNROLL
  for (int h = 0; h < heads; h++) {
    Pack<float, n> pack;
    UNROLL
    for (int i = 0; i < n; i++) pack.at[i] = sums[h][i];
    putPack(memory + (h * slots.count + slots.slot) * d + slots.column, pack);
  }
}
