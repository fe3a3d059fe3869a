// Attention of one new token a row over a cache (../src/kernels/attention.h): a block for each head of each row, which
// walks over the keys 128 at a time. Also what fills a cache after a prefill.
#include "block.h"

constexpr int kDecodeThreads = 128;
constexpr int kMostDims = 2;  // dimensions of a head a thread: d up to 256

struct DecodeArguments {
  int64_t B, H, K, d, capacity, window, prefixes, prefixCapacity;
  const float* q;
  const float* k;
  const float* v;
  float* keys;
  float* values;
  const int32_t* lengths;
  const float* prefixKeys;  // or null, as what follows
  const float* prefixValues;
  const int32_t* prefixIndex;
  const int32_t* prefixLengths;
  float* out;
  float scale;
  int32_t reserved;
};

KERNEL attentionDecodeKernel(DecodeArguments a, Fault* fault) {
  SHARED_MEMORY(float, memory);
  const int64_t b = blockIdx.x, head = blockIdx.y, group = a.H / a.K, keyHead = head / group;
  const int d = static_cast<int>(a.d), tid = threadIdx.x;
  float *Q = memory, *P = Q + d;
  const int64_t length = checked(fault, cacheFault, a.lengths[b], a.capacity);
  int64_t prefix = a.prefixIndex != nullptr ? a.prefixIndex[b] : -1;
  if (prefix < -1 || prefix >= a.prefixes) {
    report(fault, promptFault, static_cast<int>(prefix), a.prefixes);
    prefix = -1;
  }
  int64_t prefixLength = prefix >= 0 ? a.prefixLengths[prefix] : 0;
  if (prefixLength < 0 || prefixLength > a.prefixCapacity) {
    report(fault, promptFault, static_cast<int>(prefix), a.prefixes);
    prefixLength = 0;
  }
  const int64_t newRow = (b * a.K + keyHead) * d, ownRow = (b * a.K + keyHead) * a.capacity * d;
  const int64_t prefixRow = (prefix * a.K + keyHead) * a.prefixCapacity * d;
  for (int c = tid; c < d; c += kDecodeThreads) {
    Q[c] = a.q[(b * a.H + head) * d + c];
    // Nobody reads the new place from the cache: other heads of the group run at the same time.
    if (head % group == 0) {
      a.keys[ownRow + length * d + c] = a.k[newRow + c];
      a.values[ownRow + length * d + c] = a.v[newRow + c];
    }
  }
  const int64_t end = prefixLength + length + 1;
  const int64_t begin = a.window > 0 && end > a.window ? end - a.window : 0;
  float most = -INFINITE, sum = 0, result[kMostDims] = {};
  for (int64_t j0 = begin; j0 < end; j0 += kDecodeThreads) {
    __syncthreads();
    const int64_t j = j0 + tid;
    float score = -INFINITE;
    if (j < end) {
      const float* key = j < prefixLength        ? a.prefixKeys + prefixRow + j * d
                         : j - prefixLength < length ? a.keys + ownRow + (j - prefixLength) * d
                                                     : a.k + newRow;
      score = 0;
      for (int c = 0; c < d; c++) score = fmaf(Q[c], key[c], score);
      score *= a.scale;
    }
    const float larger = fmaxf(most, blockMax(score));
    const float kept = expf(most - larger), p = expf(score - larger);
    P[tid] = p;
    sum = sum * kept + blockSum(p);
    most = larger;
    __syncthreads();
    const int here = static_cast<int>(end - j0 < kDecodeThreads ? end - j0 : kDecodeThreads);
    UNROLL
    for (int i = 0; i < kMostDims; i++) {
      const int c = tid + kDecodeThreads * i;
      if (c >= d) continue;
      float total = result[i] * kept;
      for (int t = 0; t < here; t++) {
        const int64_t at = j0 + t;
        const float* value = at < prefixLength           ? a.prefixValues + prefixRow + at * d
                             : at - prefixLength < length ? a.values + ownRow + (at - prefixLength) * d
                                                          : a.v + newRow;
        total = fmaf(P[t], value[c], total);
      }
      result[i] = total;
    }
  }
  UNROLL
  for (int i = 0; i < kMostDims; i++) {
    const int c = tid + kDecodeThreads * i;
    if (c < d) a.out[(b * a.H + head) * d + c] = result[i] / sum;
  }
}

// cache [B, K, capacity, d] = x [B, T, K, d] at the first T places; the others stay.
KERNEL fillCacheKernel(const float* x, float* cache, int64_t B, int64_t T, int64_t K, int64_t d, int64_t capacity) {
  for (EACH(i, B * T * K * d)) {
    const int64_t c = i % d, head = i / d % K, t = i / d / K % T, b = i / d / K / T;
    cache[((b * K + head) * capacity + t) * d + c] = x[i];
  }
}

#if BREVITY_HOST
namespace brevity {
namespace cuda {
namespace {

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
  if (a.d > kDecodeThreads * kMostDims) l.fail("takes heads of up to 256 dimensions on this device");
  if (a.H > 65535) l.fail("takes up to 65535 heads");
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

void decode(const Launch& l, const DecodeArguments& a) {
  if (a.B * a.H * a.d == 0) return;
  if (a.capacity == 0) l.fail("has no room left in its cache");
  const dim3 grid(gridSize(a.B), static_cast<unsigned>(a.H));
  LAUNCH(attentionDecodeKernel,
         Geometry(grid, kDecodeThreads, (a.d + kDecodeThreads) * static_cast<int64_t>(sizeof(float))), a,
         static_cast<Fault*>(stream().fault()));
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
