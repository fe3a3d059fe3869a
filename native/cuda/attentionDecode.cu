// Attention of one new token a row over a cache (../src/kernels/attention.h), in the manner of flash-decoding (Dao et
// al., 2023, https://crfm.stanford.edu/2023/10/12/flashdecoding.html): a block takes one row, one key head, the query
// heads of its group and 256 keys, so that each key and value is read from memory once and few rows fill the device.
// Where a row can have more keys, a second kernel joins its chunks in their order. Also what fills a cache after a
// prefill.
//
// What is launched depends on sizes alone, never on lengths, which only the device knows. Chunks are counted from the
// first key that a row sees: its result depends neither on other rows nor on the cache's capacity.
#include "decode.h"

// What the block's slots [heads, slots, d] give for its chunk: query heads from `head` on, among those of all rows.
DEVICE void joinSlots(const DecodeArguments& a, const float* sums, const ChunkSoftmax* softmax, int64_t head, int heads,
                      int64_t chunk, int slots) {
  const int d = static_cast<int>(a.d);
  for (int i = threadIdx.x; i < heads * d; i += kDecodeThreads) {
    const int h = i / d, c = i % d;
    float total = 0;
    for (int s = 0; s < slots; s++) total += sums[(h * slots + s) * d + c];
    if (a.chunks == 1) {
      a.out[head * d + i] = total / softmax[h].sum;
    } else {
      a.partial[((head + h) * a.chunks + chunk) * d + c] = total;
      if (c == 0) a.softmax[(head + h) * a.chunks + chunk] = softmax[h];
    }
  }
}

// Blocks (chunk, row and tile of query heads; key head). A kernel takes `heads` query heads at most.
template <int heads, int n>
DEVICE void decodeChunk(const DecodeArguments& a, Fault* fault) {
  SHARED_MEMORY(float, memory);
  __shared__ ChunkSoftmax softmax[kMostHeads];
  // Tiles of one group and rows that share a prefix are neighbours: memory gives their keys once, then the L2 cache.
  const Division tiles = divide(blockIdx.x, a.tiles), rows = divide(tiles.whole, a.B);
  const int64_t tile = tiles.rest, b = rows.rest, chunk = rows.whole;
  const Sight sight = sightOf(a, b, fault);
  const int64_t first = sight.begin + chunk * kChunk;
  if (first >= sight.end) return;
  const int count = static_cast<int>(sight.end - first < kChunk ? sight.end - first : kChunk);
  const int d = static_cast<int>(a.d), tid = threadIdx.x;
  const int64_t keyHead = blockIdx.y, group = a.H / a.K, skipped = tile * a.headsOfTile;
  const int64_t head = b * a.H + keyHead * group + skipped;
  const int here = static_cast<int>(group - skipped < a.headsOfTile ? group - skipped : a.headsOfTile);
  const int64_t added = (b * a.K + keyHead) * d, own = added * a.capacity;
  const int64_t prefix = (sight.prefix * a.K + keyHead) * a.prefixCapacity * d;
  const auto places = [&](const float* prefixes, const float* cache, const float* x) {
    const float* shared = sight.prefixLength > 0 ? prefixes + prefix : nullptr;
    return Places{shared, cache + own, x + added, sight.prefixLength, sight.length, d};
  };
  float *Q = memory, *scores = memory + heads * d;
  for (int i = tid; i < heads * d; i += kDecodeThreads) Q[i] = i < here * d ? a.q[head * d + i] : 0.0f;
  // Every row has a first chunk.
  if (chunk == 0 && tile == 0)
    for (int c = tid; c < d; c += kDecodeThreads) {
      a.keys[own + sight.length * d + c] = a.k[added + c];
      a.values[own + sight.length * d + c] = a.v[added + c];
    }
  __syncthreads();
  scoreChunk<heads, n>(Q, places(a.prefixKeys, a.keys, a.k), first, count, d, a.scale, scores);
  __syncthreads();
  softmaxChunk(scores, here, count, softmax);
  __syncthreads();
  const Slots<n> slots(d);
  float sums[heads][n] = {};
  addValues<heads, n>(scores, places(a.prefixValues, a.values, a.v), first, count, slots, sums);
  __syncthreads();
  putSums<heads, n>(sums, slots, d, memory);
  __syncthreads();
  joinSlots(a, memory, softmax, head, here, chunk, slots.count);
}

#define DECODE_KERNEL(name, heads, n)                                                          \
  KERNEL __launch_bounds__(kDecodeThreads, 2) attentionDecode##name(DecodeArguments a, Fault* fault) { \
    decodeChunk<heads, n>(a, fault);                                                           \
  }
DECODE_KERNEL(One, 1, 4)
DECODE_KERNEL(Four, 4, 4)
DECODE_KERNEL(Eight, 8, 4)
// Of heads or buffers that packs do not fit.
DECODE_KERNEL(Plain, 8, 1)

// out [B, H, d] of the chunks of each row.
KERNEL attentionDecodeJoin(DecodeArguments a, Fault* fault) {
  for (EACH(i, a.B * a.H * a.d)) {
    const Division place = divide(i, a.d);
    const Sight sight = sightOf(a, divide(place.whole, a.H).whole, fault);
    const int64_t chunks = (sight.end - sight.begin + kChunk - 1) / kChunk;
    const ChunkSoftmax* of = a.softmax + place.whole * a.chunks;
    const float* partial = a.partial + place.whole * a.chunks * a.d + place.rest;
    float most = -INFINITE, sum = 0, total = 0;
    for (int64_t chunk = 0; chunk < chunks; chunk++) most = larger(most, of[chunk].max);
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
      const float kept = expf(of[chunk].max - most);
      sum = fmaf(of[chunk].sum, kept, sum);
      total = fmaf(partial[chunk * a.d], kept, total);
    }
    a.out[i] = total / sum;
  }
}

// cache [B, K, capacity, d] = x [B, T, K, d] at the first T places; the others stay.
KERNEL fillCacheKernel(const float* x, float* cache, int64_t B, int64_t T, int64_t K, int64_t d, int64_t capacity) {
  for (EACH(i, B * T * K * d)) {
    const Division column = divide(i, d), head = divide(column.whole, K), row = divide(head.whole, T);
    cache[((row.whole * K + head.rest) * capacity + row.rest) * d + column.rest] = x[i];
  }
}

#if BREVITY_HOST
#include <algorithm>

namespace brevity {
namespace cuda {
namespace {

constexpr int64_t kMostDims = 256;  // of a head

// q, k, v, keys, values, lengths as buffers 0 to 5; B, H, K, d, capacity, scale, window. Writes keys and values in place.
DecodeArguments decodeArguments(const Launch& l, int outBuffer) {
  DecodeArguments a{};
  a.B = l.count(0);
  a.H = l.count(1);
  a.K = l.count(2);
  a.d = l.count(3);
  a.capacity = l.count(4);
  a.scale = static_cast<float>(l.number(5));
  a.window = l.count(6);
  if (a.K < 1 || a.H % a.K != 0) l.fail("needs a multiple of key heads as query heads");
  if (a.d > kMostDims) l.fail("takes heads of up to 256 dimensions on this device");
  if (a.K > 65535) l.fail("takes up to 65535 key heads on this device");
  const int64_t row = a.B * a.K * a.d;
  a.q = l.floats(0, a.B * a.H * a.d);
  a.k = l.floats(1, row);
  a.v = l.floats(2, row);
  a.keys = l.floats(3, row * a.capacity);
  a.values = l.floats(4, row * a.capacity);
  a.lengths = l.ints(5, a.B);
  a.out = l.floats(outBuffer, a.B * a.H * a.d);
  return a;
}

void decode(const Launch& l, DecodeArguments a) {
  if (a.B * a.H * a.d == 0) return;
  if (a.capacity == 0) l.fail("has no room left in its cache");
  const int64_t group = a.H / a.K, places = a.prefixCapacity + a.capacity;
  a.tiles = ceilDiv(group, kMostHeads);
  a.headsOfTile = static_cast<int32_t>(ceilDiv(group, a.tiles));
  a.chunks = ceilDiv(a.window > 0 ? std::min(a.window, places) : places, kChunk);
  const int64_t parts = a.chunks > 1 ? a.B * a.H * a.chunks : 0;
  const Scratch<ChunkSoftmax> softmax(parts);
  const Scratch<float> partial(parts * a.d);
  a.softmax = softmax;
  a.partial = partial;
  const bool packs = a.d % 4 == 0 && areAligned(a.k, a.v, a.keys, a.values, a.prefixKeys, a.prefixValues);
  const int n = packs ? 4 : 1, heads = !packs ? 8 : a.headsOfTile == 1 ? 1 : a.headsOfTile <= 4 ? 4 : 8;
  const int64_t slots = std::min<int64_t>(kDecodeThreads * n / a.d, kChunk / kAtOnce);
  const int64_t words = heads * std::max(a.d + kScores, slots * a.d);
  const Geometry geometry(dim3(gridSize(a.B * a.chunks * a.tiles), static_cast<unsigned>(a.K)), kDecodeThreads,
                          words * static_cast<int64_t>(sizeof(float)));
  auto* fault = static_cast<Fault*>(stream().fault());
  if (!packs) LAUNCH(attentionDecodePlain, geometry, a, fault);
  else if (heads == 1) LAUNCH(attentionDecodeOne, geometry, a, fault);
  else if (heads == 4) LAUNCH(attentionDecodeFour, geometry, a, fault);
  else LAUNCH(attentionDecodeEight, geometry, a, fault);
  if (a.chunks > 1) LAUNCH(attentionDecodeJoin, overElements(a.B * a.H * a.d), a, fault);
}

// …, out
void attentionDecodeOp(const Launch& l) { decode(l, decodeArguments(l, 6)); }

// …, prefixKeys, prefixValues, prefixIndex, prefixLengths, out; …, P, prefixCapacity
void prefixAttentionDecodeOp(const Launch& l) {
  DecodeArguments a = decodeArguments(l, 10);
  a.prefixes = l.count(7);
  a.prefixCapacity = l.count(8);
  const int64_t prefix = a.prefixes * a.K * a.prefixCapacity * a.d;
  a.prefixKeys = l.floats(6, prefix);
  a.prefixValues = l.floats(7, prefix);
  a.prefixIndex = l.ints(8, a.B);
  a.prefixLengths = l.ints(9, a.prefixes);
  decode(l, a);
}

// x, cache; B, T, K, d, capacity
void fillCacheOp(const Launch& l) {
  const int64_t B = l.count(0), T = l.count(1), K = l.count(2), d = l.count(3), capacity = l.count(4);
  if (T > capacity) l.fail("has more positions than its cache holds");
  const int64_t n = B * T * K * d;
  LAUNCH(fillCacheKernel, overElements(n), l.floats(0, n), l.floats(1, B * K * capacity * d), B, T, K, d, capacity);
}

}  // namespace

void attentionDecodeOps(OpTable& table) {
  table.push_back({"AttentionDecode", attentionDecodeOp});
  table.push_back({"PrefixAttentionDecode", prefixAttentionDecodeOp});
  table.push_back({"FillCache", fillCacheOp});
}

}  // namespace cuda
}  // namespace brevity
#endif
