// Fused kernels for TensorFlow.js's wasm backend, on the backend's own linear memory.
//
// Freestanding C with 128-bit SIMD; built by `npm run build:wasm` (clang, wasm-ld) into brevity.wasm, which is in the
// repository so that nobody needs a compiler. Hazards:
// - The memory belongs to tfjs. There must be no data segment (it would overwrite tfjs's), and the stack pointer is
//   set by module.ts to a block that was allocated from tfjs's heap. build-wasm.mjs checks the first.
// - No libm: the few logarithms are taken in TypeScript; exp is a polynomial (relative error below 2e-7).
// - Sums run in a fixed order that depends neither on the number of rows nor on the number of threads, so that a
//   sequence's result does not depend on the batch that it is in, nor on the machine.
// - A kernel whose last parameters are `part, parts` computes its share of the work: threads run it at the same time
//   with the same arguments and different parts (threads.ts). What they write does not overlap.
//
// Shape legend: model/types.ts.
#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT __attribute__((visibility("default")))
typedef float f32;
typedef int32_t i32;

static inline v128_t ld(const f32 *p) { return wasm_v128_load(p); }
static inline void st(f32 *p, v128_t v) { wasm_v128_store(p, v); }
static inline v128_t splat(f32 x) { return wasm_f32x4_splat(x); }
static inline v128_t add(v128_t a, v128_t b) { return wasm_f32x4_add(a, b); }
static inline v128_t sub(v128_t a, v128_t b) { return wasm_f32x4_sub(a, b); }
static inline v128_t mul(v128_t a, v128_t b) { return wasm_f32x4_mul(a, b); }
static inline i32 min(i32 a, i32 b) { return a < b ? a : b; }
// Where part `part` of `parts` begins if n units are divided evenly; part + 1 gives its end.
static inline i32 begin(i32 n, i32 part, i32 parts) { return (i32)((int64_t)n * part / parts); }
// The same for single elements, in multiples of four, so that vectors are the same whatever the number of parts.
static inline i32 elements(i32 n, i32 part, i32 parts) { return part == parts ? n : 4 * begin(n / 4, part, parts); }
static inline f32 hsum(v128_t v) {
  return (wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 1)) +
         (wasm_f32x4_extract_lane(v, 2) + wasm_f32x4_extract_lane(v, 3));
}

// exp by range reduction to [-ln2/2, ln2/2] and a degree-6 polynomial (Cephes' coefficients).
static inline v128_t exp4(v128_t x) {
  x = wasm_f32x4_max(wasm_f32x4_min(x, splat(88.3f)), splat(-87.3f));
  v128_t n = wasm_f32x4_nearest(mul(x, splat(1.44269504088896341f)));
  v128_t r = sub(sub(x, mul(n, splat(0.693359375f))), mul(n, splat(-2.12194440e-4f)));
  v128_t p = splat(1.9875691500e-4f);
  p = add(mul(p, r), splat(1.3981999507e-3f));
  p = add(mul(p, r), splat(8.3334519073e-3f));
  p = add(mul(p, r), splat(4.1665795894e-2f));
  p = add(mul(p, r), splat(1.6666665459e-1f));
  p = add(mul(p, r), splat(5.0000001201e-1f));
  p = add(add(mul(mul(p, r), r), r), splat(1.0f));
  v128_t e = wasm_i32x4_shl(wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(n), wasm_i32x4_splat(127)), 23);
  return mul(p, e);
}
static inline f32 exp1(f32 x) { return wasm_f32x4_extract_lane(exp4(splat(x)), 0); }

// y [cols, rows] = x [rows, cols] transposed; x's rows are `stride` apart.
static void transpose(const f32 *x, i32 stride, f32 *y, i32 ystride, i32 rows, i32 cols) {
  const i32 tile = 32;
  for (i32 i0 = 0; i0 < rows; i0 += tile) {
    for (i32 j0 = 0; j0 < cols; j0 += tile) {
      i32 i1 = i0 + tile < rows ? i0 + tile : rows, j1 = j0 + tile < cols ? j0 + tile : cols;
      i32 i = i0;
      for (; i + 4 <= i1; i += 4) {
        i32 j = j0;
        for (; j + 4 <= j1; j += 4) {
          const f32 *s = x + (long)i * stride + j;
          v128_t a = ld(s), b = ld(s + stride), c = ld(s + 2 * stride), d = ld(s + 3 * stride);
          v128_t ab0 = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), ab1 = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7);
          v128_t cd0 = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5), cd1 = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
          f32 *t = y + (long)j * ystride + i;
          st(t, wasm_i64x2_shuffle(ab0, cd0, 0, 2));
          st(t + ystride, wasm_i64x2_shuffle(ab0, cd0, 1, 3));
          st(t + 2 * ystride, wasm_i64x2_shuffle(ab1, cd1, 0, 2));
          st(t + 3 * ystride, wasm_i64x2_shuffle(ab1, cd1, 1, 3));
        }
        for (; j < j1; j++)
          for (i32 k = 0; k < 4; k++) y[(long)j * ystride + i + k] = x[(long)(i + k) * stride + j];
      }
      for (; i < i1; i++)
        for (i32 j = j0; j < j1; j++) y[(long)j * ystride + i] = x[(long)i * stride + j];
    }
  }
}

// C [M, N] (+)= A [M, K] · B [K, N]. A is read through strides (ars between rows, acs between columns), so that a
// transposed A costs nothing; B and C have contiguous rows. 4×8 register tiles; every element sums over k in order.
static void gemm(i32 M, i32 N, i32 K, const f32 *A, i32 ars, i32 acs, const f32 *B, i32 ldb, f32 *C, i32 ldc, i32 accumulate) {
  i32 i = 0;
  for (; i + 4 <= M; i += 4) {
    const f32 *a0 = A + (long)i * ars, *a1 = a0 + ars, *a2 = a1 + ars, *a3 = a2 + ars;
    f32 *c0 = C + (long)i * ldc, *c1 = c0 + ldc, *c2 = c1 + ldc, *c3 = c2 + ldc;
    i32 j = 0;
    for (; j + 8 <= N; j += 8) {
      v128_t z = splat(0), s00 = z, s01 = z, s10 = z, s11 = z, s20 = z, s21 = z, s30 = z, s31 = z;
      if (accumulate) {
        s00 = ld(c0 + j), s01 = ld(c0 + j + 4), s10 = ld(c1 + j), s11 = ld(c1 + j + 4);
        s20 = ld(c2 + j), s21 = ld(c2 + j + 4), s30 = ld(c3 + j), s31 = ld(c3 + j + 4);
      }
      const f32 *b = B + j;
      for (i32 k = 0, o = 0; k < K; k++, o += acs, b += ldb) {
        v128_t b0 = ld(b), b1 = ld(b + 4), x;
        x = wasm_v128_load32_splat(a0 + o), s00 = add(s00, mul(x, b0)), s01 = add(s01, mul(x, b1));
        x = wasm_v128_load32_splat(a1 + o), s10 = add(s10, mul(x, b0)), s11 = add(s11, mul(x, b1));
        x = wasm_v128_load32_splat(a2 + o), s20 = add(s20, mul(x, b0)), s21 = add(s21, mul(x, b1));
        x = wasm_v128_load32_splat(a3 + o), s30 = add(s30, mul(x, b0)), s31 = add(s31, mul(x, b1));
      }
      st(c0 + j, s00), st(c0 + j + 4, s01), st(c1 + j, s10), st(c1 + j + 4, s11);
      st(c2 + j, s20), st(c2 + j + 4, s21), st(c3 + j, s30), st(c3 + j + 4, s31);
    }
    for (; j < N; j++)
      for (i32 r = 0; r < 4; r++) {
        const f32 *a = A + (long)(i + r) * ars;
        f32 s = accumulate ? C[(long)(i + r) * ldc + j] : 0;
        for (i32 k = 0; k < K; k++) s += a[(long)k * acs] * B[(long)k * ldb + j];
        C[(long)(i + r) * ldc + j] = s;
      }
  }
  for (; i < M; i++) {
    const f32 *a = A + (long)i * ars;
    f32 *c = C + (long)i * ldc;
    i32 j = 0;
    for (; j + 8 <= N; j += 8) {
      v128_t s0 = accumulate ? ld(c + j) : splat(0), s1 = accumulate ? ld(c + j + 4) : splat(0);
      const f32 *b = B + j;
      for (i32 k = 0; k < K; k++, b += ldb) {
        v128_t x = wasm_v128_load32_splat(a + (long)k * acs);
        s0 = add(s0, mul(x, ld(b))), s1 = add(s1, mul(x, ld(b + 4)));
      }
      st(c + j, s0), st(c + j + 4, s1);
    }
    for (; j < N; j++) {
      f32 s = accumulate ? c[j] : 0;
      for (i32 k = 0; k < K; k++) s += a[(long)k * acs] * B[(long)k * ldb + j];
      c[j] = s;
    }
  }
}

// Copies a block of a matrix, read through strides, so that `width` (at most `lanes`) of its columns lie side by side:
// out [depth, lanes], zeros after the last column. lanes is 4 or 8.
static void pack(const f32 *x, i32 rs, i32 cs, f32 *out, i32 depth, i32 width, i32 lanes) {
  if (width == lanes && cs == 1) {
    for (i32 k = 0; k < depth; k++, x += rs, out += lanes)
      for (i32 j = 0; j < lanes; j += 4) st(out + j, ld(x + j));
  } else if (width == lanes && rs == 1) {
    transpose(x, cs, out, lanes, lanes, depth);
  } else {
    for (i32 k = 0; k < depth; k++, x += rs)
      for (i32 j = 0; j < lanes; j++) *out++ = j < width ? x[(long)j * cs] : 0;
  }
}

// Up to 4 rows × 8 columns of C (+)= A·b, for a packed block b [depth, 8]. Missing rows of A repeat its first one and
// are not written. Unrolled, the loop is slower: V8 runs out of registers.
static inline void tile(i32 rows, i32 cols, i32 depth, const f32 *A, i32 rs, i32 cs, const f32 *b, f32 *C, i32 ldc, i32 accumulate) {
  const f32 *a0 = A, *a1 = rows > 1 ? A + rs : A, *a2 = rows > 2 ? A + 2 * (long)rs : A, *a3 = rows > 3 ? A + 3 * (long)rs : A;
  f32 edge[32], *c = C;
  i32 ld_c = ldc, partial = rows < 4 || cols < 8;
  if (partial) {
    c = edge, ld_c = 8;
    for (i32 r = 0; r < 4; r++)
      for (i32 j = 0; j < 8; j++) edge[8 * r + j] = accumulate && r < rows && j < cols ? C[(long)r * ldc + j] : 0;
  }
  f32 *c0 = c, *c1 = c0 + ld_c, *c2 = c1 + ld_c, *c3 = c2 + ld_c;
  v128_t z = splat(0), s00 = z, s01 = z, s10 = z, s11 = z, s20 = z, s21 = z, s30 = z, s31 = z;
  if (accumulate) {
    s00 = ld(c0), s01 = ld(c0 + 4), s10 = ld(c1), s11 = ld(c1 + 4);
    s20 = ld(c2), s21 = ld(c2 + 4), s30 = ld(c3), s31 = ld(c3 + 4);
  }
#pragma clang loop unroll(disable)
  for (i32 k = 0; k < depth; k++, b += 8, a0 += cs, a1 += cs, a2 += cs, a3 += cs) {
    v128_t b0 = ld(b), b1 = ld(b + 4), x;
    x = wasm_v128_load32_splat(a0), s00 = add(s00, mul(x, b0)), s01 = add(s01, mul(x, b1));
    x = wasm_v128_load32_splat(a1), s10 = add(s10, mul(x, b0)), s11 = add(s11, mul(x, b1));
    x = wasm_v128_load32_splat(a2), s20 = add(s20, mul(x, b0)), s21 = add(s21, mul(x, b1));
    x = wasm_v128_load32_splat(a3), s30 = add(s30, mul(x, b0)), s31 = add(s31, mul(x, b1));
  }
  st(c0, s00), st(c0 + 4, s01), st(c1, s10), st(c1 + 4, s11);
  st(c2, s20), st(c2 + 4, s21), st(c3, s30), st(c3 + 4, s31);
  if (partial)
    for (i32 r = 0; r < rows; r++)
      for (i32 j = 0; j < cols; j++) C[(long)r * ldc + j] = edge[8 * r + j];
}

#define K_BLOCK 256
#define N_BLOCK 64

// C [M, N] = A·B, with A [M, K] and B [K, N] read through strides (rs between rows, cs between columns), so that either
// may be stored transposed. Blocks of B are packed, N_BLOCK columns at a time, and four rows of A where they are columns
// in memory. Every element sums over k in order. packed: K_BLOCK·(N_BLOCK + 4) floats for each part.
EXPORT void matmul(const f32 *A, i32 ars, i32 acs, const f32 *B, i32 brs, i32 bcs, f32 *C, f32 *packed, i32 M, i32 N, i32 K, i32 part, i32 parts) {
  // Threads divide the columns, which need not be packed twice then; if those are few, the rows.
  i32 panels = (N + 7) / 8, byColumns = panels >= 2 * parts || panels >= M / 4;
  i32 n0 = byColumns ? 8 * begin(panels, part, parts) : 0, n1 = byColumns ? min(N, 8 * begin(panels, part + 1, parts)) : N;
  i32 m0 = byColumns ? 0 : begin(M, part, parts), m1 = byColumns ? M : begin(M, part + 1, parts);
  f32 *right = packed + (long)K_BLOCK * (N_BLOCK + 4) * part, *left = right + K_BLOCK * N_BLOCK;
  for (i32 kb = 0; kb < K; kb += K_BLOCK) {
    i32 depth = min(K_BLOCK, K - kb);
    for (i32 nb = n0; nb < n1; nb += N_BLOCK) {
      i32 width = min(N_BLOCK, n1 - nb);
      for (i32 j = 0; j < width; j += 8) pack(B + (long)kb * brs + (long)(nb + j) * bcs, brs, bcs, right + (long)j * K_BLOCK, depth, min(8, width - j), 8);
      for (i32 i = m0; i < m1; i += 4) {
        i32 rows = min(4, m1 - i), rs = ars, cs = acs;
        const f32 *a = A + (long)i * ars + (long)kb * acs;
        if (acs != 1) pack(a, acs, ars, left, depth, rows, 4), a = left, rs = 1, cs = 4;
        for (i32 j = 0; j < width; j += 8) tile(rows, min(8, width - j), depth, a, rs, cs, right + (long)j * K_BLOCK, C + (long)i * N + nb + j, N, kb > 0);
      }
    }
  }
}

// RMSNorm: y = x / sqrt(mean(x²) + eps) · w, for N rows of D.
EXPORT void rms_norm(const f32 *x, const f32 *w, f32 *y, i32 N, i32 D, f32 eps, i32 part, i32 parts) {
  i32 n0 = begin(N, part, parts), n1 = begin(N, part + 1, parts);
  x += (long)n0 * D, y += (long)n0 * D;
  for (i32 n = n0; n < n1; n++, x += D, y += D) {
    v128_t q = splat(0);
    f32 s = 0;
    i32 i = 0;
    for (; i + 4 <= D; i += 4) q = add(q, mul(ld(x + i), ld(x + i)));
    for (; i < D; i++) s += x[i] * x[i];
    f32 r = 1.0f / __builtin_sqrtf((hsum(q) + s) / D + eps);
    for (i = 0; i + 4 <= D; i += 4) st(y + i, mul(mul(ld(x + i), splat(r)), ld(w + i)));
    for (; i < D; i++) y[i] = x[i] * r * w[i];
  }
}

// dx = r·(g - x·r²·mean(g·x)) with g = dy·w and r [N] the factor of each row, which rms_norm_weight_grad reads.
EXPORT void rms_norm_grad(const f32 *x, const f32 *w, const f32 *dy, f32 *dx, f32 *factors, i32 N, i32 D, f32 eps, i32 part, i32 parts) {
  i32 n0 = begin(N, part, parts), n1 = begin(N, part + 1, parts);
  x += (long)n0 * D, dy += (long)n0 * D, dx += (long)n0 * D;
  for (i32 n = n0; n < n1; n++, x += D, dy += D, dx += D) {
    v128_t q = splat(0), p = splat(0);
    f32 s = 0, t = 0;
    i32 i = 0;
    for (; i + 4 <= D; i += 4) {
      v128_t v = ld(x + i);
      q = add(q, mul(v, v)), p = add(p, mul(mul(ld(dy + i), ld(w + i)), v));
    }
    for (; i < D; i++) s += x[i] * x[i], t += dy[i] * w[i] * x[i];
    f32 r = 1.0f / __builtin_sqrtf((hsum(q) + s) / D + eps);
    f32 c = (hsum(p) + t) / D * r * r;
    for (i = 0; i + 4 <= D; i += 4) st(dx + i, mul(splat(r), sub(mul(ld(dy + i), ld(w + i)), mul(ld(x + i), splat(c)))));
    for (; i < D; i++) dx[i] = r * (dy[i] * w[i] - x[i] * c);
    factors[n] = r;
  }
}

// dw [D] += Σ_rows dy·x·r (dw is zeroed by the caller). Threads divide the columns.
EXPORT void rms_norm_weight_grad(const f32 *x, const f32 *dy, const f32 *factors, f32 *dw, i32 N, i32 D, i32 part, i32 parts) {
  i32 i0 = elements(D, part, parts), i1 = elements(D, part + 1, parts);
  for (i32 n = 0; n < N; n++, x += D, dy += D) {
    v128_t r = splat(factors[n]);
    i32 i = i0;
    for (; i + 4 <= i1; i += 4) st(dw + i, add(ld(dw + i), mul(ld(dy + i), mul(ld(x + i), r))));
    for (; i < i1; i++) dw[i] += dy[i] * x[i] * factors[n];
  }
}

// Rotary embedding of x [N, heads, d]: the pairs (i, i + rot/2) of the first `rot` dimensions turn by the angle of the
// row's position (cos, sin [positions, rot/2]). sign = -1 turns back: the gradient.
EXPORT void rope(const f32 *x, const i32 *pos, const f32 *cos, const f32 *sin, f32 *y, i32 N, i32 heads, i32 d, i32 rot, f32 sign, i32 part, i32 parts) {
  i32 half = rot / 2, n0 = begin(N, part, parts), n1 = begin(N, part + 1, parts);
  x += (long)n0 * heads * d, y += (long)n0 * heads * d;
  for (i32 n = n0; n < n1; n++) {
    const f32 *c = cos + (long)pos[n] * half, *s = sin + (long)pos[n] * half;
    for (i32 h = 0; h < heads; h++, x += d, y += d) {
      i32 i = 0;
      for (; i + 4 <= half; i += 4) {
        v128_t a = ld(x + i), b = ld(x + half + i), cc = ld(c + i), ss = mul(splat(sign), ld(s + i));
        st(y + i, sub(mul(a, cc), mul(b, ss)));
        st(y + half + i, add(mul(b, cc), mul(a, ss)));
      }
      for (; i < half; i++) {
        f32 a = x[i], b = x[half + i], t = sign * s[i];
        y[i] = a * c[i] - b * t;
        y[half + i] = b * c[i] + a * t;
      }
      for (i = rot; i < d; i++) y[i] = x[i];
    }
  }
}

// y = silu(g)·u, silu(g) = g·σ(g).
EXPORT void swiglu(const f32 *g, const f32 *u, f32 *y, i32 size, i32 part, i32 parts) {
  v128_t one = splat(1);
  i32 i = elements(size, part, parts), n = elements(size, part + 1, parts);
  for (; i + 4 <= n; i += 4) {
    v128_t a = ld(g + i);
    st(y + i, mul(wasm_f32x4_div(a, add(one, exp4(wasm_f32x4_neg(a)))), ld(u + i)));
  }
  for (; i < n; i++) y[i] = g[i] / (1.0f + exp1(-g[i])) * u[i];
}

EXPORT void swiglu_grad(const f32 *g, const f32 *u, const f32 *dy, f32 *dg, f32 *du, i32 size, i32 part, i32 parts) {
  v128_t one = splat(1);
  i32 i = elements(size, part, parts), n = elements(size, part + 1, parts);
  for (; i + 4 <= n; i += 4) {
    v128_t a = ld(g + i), d = ld(dy + i), s = wasm_f32x4_div(one, add(one, exp4(wasm_f32x4_neg(a))));
    st(du + i, mul(d, mul(a, s)));
    st(dg + i, mul(mul(d, ld(u + i)), mul(s, add(one, mul(a, sub(one, s))))));
  }
  for (; i < n; i++) {
    f32 s = 1.0f / (1.0f + exp1(-g[i]));
    du[i] = dy[i] * g[i] * s;
    dg[i] = dy[i] * u[i] * s * (1.0f + g[i] * (1.0f - s));
  }
}

// S [rows, T] → softmax over each row's window (first … i0+row), zero elsewhere up to `cols`. Returns max and 1/sum.
static void softmax_rows(f32 *S, i32 ld_s, i32 i0, i32 rows, i32 cols, i32 window, f32 scale, f32 *m_out, f32 *r_out) {
  for (i32 r = 0; r < rows; r++) {
    f32 *s = S + (long)r * ld_s;
    i32 i = i0 + r, first = window > 0 && i - window + 1 > 0 ? i - window + 1 : 0;
    f32 m = -3.0e38f;
    for (i32 j = first; j <= i; j++) {
      s[j] *= scale;
      if (s[j] > m) m = s[j];
    }
    f32 sum = 0;
    i32 j = first;
    v128_t acc = splat(0), mm = splat(m);
    for (; j + 4 <= i + 1; j += 4) {
      v128_t e = exp4(sub(ld(s + j), mm));
      st(s + j, e), acc = add(acc, e);
    }
    for (; j <= i; j++) s[j] = exp1(s[j] - m), sum += s[j];
    f32 inv = 1.0f / (hsum(acc) + sum);
    for (j = 0; j < first; j++) s[j] = 0;
    for (j = first; j <= i; j++) s[j] *= inv;
    for (j = i + 1; j < cols; j++) s[j] = 0;
    m_out[r] = m, r_out[r] = inv;
  }
}

#define QUERY_BLOCK 32

// Causal attention with grouped queries. q, o [B, T, H, d]; k, v [B, T, K, d]; stats [B, H, 2, T] keeps the softmax's
// maximum and 1/sum for the backward pass. Scratch: d·T + QUERY_BLOCK·T floats for each part. window 0: unlimited.
EXPORT void attention(const f32 *q, const f32 *k, const f32 *v, f32 *o, f32 *stats, f32 *scratch, i32 B, i32 T, i32 H, i32 K, i32 d, f32 scale, i32 window, i32 part, i32 parts) {
  f32 *kt = scratch + (long)(d + QUERY_BLOCK) * T * part, *S = kt + (long)d * T;
  i32 group = H / K;
  for (i32 bc = begin(B * K, part, parts); bc < begin(B * K, part + 1, parts); bc++) {
    i32 b = bc / K, c = bc % K;
    const f32 *kb = k + ((long)b * T * K + c) * d, *vb = v + ((long)b * T * K + c) * d;
    transpose(kb, K * d, kt, T, T, d);
    for (i32 h = c * group; h < (c + 1) * group; h++) {
      const f32 *qb = q + ((long)b * T * H + h) * d;
      f32 *ob = o + ((long)b * T * H + h) * d, *mb = stats + ((long)b * H + h) * 2 * T, *rb = mb + T;
      for (i32 i0 = 0; i0 < T; i0 += QUERY_BLOCK) {
        i32 rows = T - i0 < QUERY_BLOCK ? T - i0 : QUERY_BLOCK, cols = i0 + rows;
        gemm(rows, cols, d, qb + (long)i0 * H * d, H * d, 1, kt, T, S, T, 0);
        softmax_rows(S, T, i0, rows, cols, window, scale, mb + i0, rb + i0);
        gemm(rows, d, cols, S, T, 1, vb, K * d, ob + (long)i0 * H * d, H * d, 0);
      }
    }
  }
}

// Gradients of `attention`; dk and dv are zeroed by the caller. Scratch: (2·d + 2·QUERY_BLOCK)·T floats for each part.
EXPORT void attention_grad(const f32 *q, const f32 *k, const f32 *v, const f32 *o, const f32 *stats, const f32 *dout, f32 *dq, f32 *dk, f32 *dv, f32 *scratch, i32 B, i32 T, i32 H, i32 K, i32 d, f32 scale, i32 window, i32 part, i32 parts) {
  f32 *kt = scratch + 2 * (long)(d + QUERY_BLOCK) * T * part, *vt = kt + (long)d * T, *P = vt + (long)d * T, *G = P + (long)QUERY_BLOCK * T;
  i32 group = H / K;
  for (i32 bc = begin(B * K, part, parts); bc < begin(B * K, part + 1, parts); bc++) {
    i32 b = bc / K, c = bc % K;
    long kv = ((long)b * T * K + c) * d;
    transpose(k + kv, K * d, kt, T, T, d);
    transpose(v + kv, K * d, vt, T, T, d);
    for (i32 h = c * group; h < (c + 1) * group; h++) {
      long qo = ((long)b * T * H + h) * d;
      const f32 *mb = stats + ((long)b * H + h) * 2 * T, *rb = mb + T;
      for (i32 i0 = 0; i0 < T; i0 += QUERY_BLOCK) {
        i32 rows = T - i0 < QUERY_BLOCK ? T - i0 : QUERY_BLOCK, cols = i0 + rows;
        long at = qo + (long)i0 * H * d;
        gemm(rows, cols, d, q + at, H * d, 1, kt, T, P, T, 0);
        gemm(rows, cols, d, dout + at, H * d, 1, vt, T, G, T, 0);
        for (i32 r = 0; r < rows; r++) {
          i32 i = i0 + r, first = window > 0 && i - window + 1 > 0 ? i - window + 1 : 0;
          const f32 *od = o + at + (long)r * H * d, *dd = dout + at + (long)r * H * d;
          f32 delta = 0;
          for (i32 x = 0; x < d; x++) delta += od[x] * dd[x];
          f32 *p = P + (long)r * T, *g = G + (long)r * T, m = mb[i], inv = rb[i];
          i32 j = 0;
          for (; j < first; j++) p[j] = 0, g[j] = 0;
          for (; j + 4 <= i + 1; j += 4) {
            v128_t e = mul(exp4(sub(mul(ld(p + j), splat(scale)), splat(m))), splat(inv));
            st(p + j, e), st(g + j, mul(mul(e, sub(ld(g + j), splat(delta))), splat(scale)));
          }
          for (; j <= i; j++) {
            p[j] = exp1(p[j] * scale - m) * inv;
            g[j] = p[j] * (g[j] - delta) * scale;
          }
          for (; j < cols; j++) p[j] = 0, g[j] = 0;
        }
        gemm(rows, d, cols, G, T, 1, k + kv, K * d, dq + at, H * d, 0);
        gemm(cols, d, rows, G, 1, T, q + at, H * d, dk + kv, K * d, 1);
        gemm(cols, d, rows, P, 1, T, dout + at, H * d, dv + kv, K * d, 1);
      }
    }
  }
}

// One new token a row: writes k, v [B, K, d] into the caches [B, K, capacity, d] at lengths[b] (in place) and attends
// q [B, H, d] to positions up to and including it. Scratch: capacity floats for each part.
EXPORT void attention_decode(const f32 *q, const f32 *k, const f32 *v, f32 *ck, f32 *cv, const i32 *lengths, f32 *o, f32 *scratch, i32 B, i32 H, i32 K, i32 d, i32 capacity, f32 scale, i32 window, i32 part, i32 parts) {
  i32 group = H / K;
  scratch += (long)capacity * part;
  for (i32 bc = begin(B * K, part, parts); bc < begin(B * K, part + 1, parts); bc++) {
    i32 b = bc / K, c = bc % K, t = lengths[b], first = window > 0 && t - window + 1 > 0 ? t - window + 1 : 0;
    f32 *kc = ck + ((long)b * K + c) * capacity * d, *vc = cv + ((long)b * K + c) * capacity * d;
    __builtin_memcpy(kc + (long)t * d, k + ((long)b * K + c) * d, d * 4);
    __builtin_memcpy(vc + (long)t * d, v + ((long)b * K + c) * d, d * 4);
    for (i32 h = c * group; h < (c + 1) * group; h++) {
      const f32 *qh = q + ((long)b * H + h) * d;
      f32 *oh = o + ((long)b * H + h) * d, m = -3.0e38f, sum = 0;
      for (i32 j = first; j <= t; j++) {
        const f32 *kj = kc + (long)j * d;
        v128_t acc = splat(0);
        f32 s = 0;
        i32 x = 0;
        for (; x + 4 <= d; x += 4) acc = add(acc, mul(ld(qh + x), ld(kj + x)));
        for (; x < d; x++) s += qh[x] * kj[x];
        s = (hsum(acc) + s) * scale;
        scratch[j] = s;
        if (s > m) m = s;
      }
      i32 j = first;
      v128_t acc = splat(0);
      for (; j + 4 <= t + 1; j += 4) {
        v128_t e = exp4(sub(ld(scratch + j), splat(m)));
        st(scratch + j, e), acc = add(acc, e);
      }
      for (; j <= t; j++) scratch[j] = exp1(scratch[j] - m), sum += scratch[j];
      f32 inv = 1.0f / (hsum(acc) + sum);
      gemm(1, d, t + 1 - first, scratch + first, 0, 1, vc + (long)first * d, d, oh, d, 0);
      for (i32 x = 0; x < d; x++) oh[x] *= inv;
    }
  }
}

// Copies k or v [B, T, K, d] of a prefill into a cache [B, K, capacity, d].
EXPORT void fill_cache(const f32 *x, f32 *cache, i32 B, i32 T, i32 K, i32 d, i32 capacity, i32 part, i32 parts) {
  for (i32 b = begin(B, part, parts); b < begin(B, part + 1, parts); b++)
    for (i32 t = 0; t < T; t++)
      for (i32 c = 0; c < K; c++)
        __builtin_memcpy(cache + (((long)b * K + c) * capacity + t) * d, x + (((long)b * T + t) * K + c) * d, d * 4);
}

// For N rows of logits [N, V]: the row's maximum, Σ exp(logit - maximum) and the target's logit.
EXPORT void log_softmax_stats(const f32 *logits, const i32 *targets, f32 *max, f32 *sum, f32 *at, i32 N, i32 V, i32 part, i32 parts) {
  i32 n0 = begin(N, part, parts), n1 = begin(N, part + 1, parts);
  logits += (long)n0 * V;
  for (i32 n = n0; n < n1; n++, logits += V) {
    v128_t mm = splat(-3.0e38f);
    i32 i = 0;
    for (; i + 4 <= V; i += 4) mm = wasm_f32x4_pmax(mm, ld(logits + i));
    f32 m = -3.0e38f;
    for (; i < V; i++) m = logits[i] > m ? logits[i] : m;
    f32 a = wasm_f32x4_extract_lane(mm, 0), b = wasm_f32x4_extract_lane(mm, 1), c = wasm_f32x4_extract_lane(mm, 2), d = wasm_f32x4_extract_lane(mm, 3);
    a = a > b ? a : b, c = c > d ? c : d, a = a > c ? a : c, m = m > a ? m : a;
    v128_t acc = splat(0);
    f32 s = 0;
    for (i = 0; i + 4 <= V; i += 4) acc = add(acc, exp4(sub(ld(logits + i), splat(m))));
    for (; i < V; i++) s += exp1(logits[i] - m);
    max[n] = m, sum[n] = hsum(acc) + s, at[n] = logits[targets[n]];
  }
}

// In place: logits → the gradient of Σ dy·log softmax(logits)[target] with respect to them: dy·(onehot - softmax).
EXPORT void log_softmax_grad(f32 *logits, const i32 *targets, const f32 *max, const f32 *sum, const f32 *dy, i32 N, i32 V, i32 part, i32 parts) {
  i32 n0 = begin(N, part, parts), n1 = begin(N, part + 1, parts);
  logits += (long)n0 * V;
  for (i32 n = n0; n < n1; n++, logits += V) {
    f32 m = max[n], c = -dy[n] / sum[n];
    i32 i = 0;
    for (; i + 4 <= V; i += 4) st(logits + i, mul(exp4(sub(ld(logits + i), splat(m))), splat(c)));
    for (; i < V; i++) logits[i] = exp1(logits[i] - m) * c;
    logits[targets[n]] += dy[n];
  }
}

// y [N, D] = rows of table at ids. Elements of four bytes each, of any type.
EXPORT void gather_rows(const f32 *table, const i32 *ids, f32 *y, i32 N, i32 D, i32 part, i32 parts) {
  for (i32 n = begin(N, part, parts); n < begin(N, part + 1, parts); n++) __builtin_memcpy(y + (long)n * D, table + (long)ids[n] * D, (long)D * 4);
}

// table [V, D] (zeroed by the caller) += rows of dy [N, D] at ids: the gradient of a gather. Threads divide the columns.
EXPORT void scatter_add(const f32 *dy, const i32 *ids, f32 *table, i32 N, i32 D, i32 part, i32 parts) {
  i32 i0 = elements(D, part, parts), i1 = elements(D, part + 1, parts);
  for (i32 n = 0; n < N; n++, dy += D) {
    f32 *t = table + (long)ids[n] * D;
    i32 i = i0;
    for (; i + 4 <= i1; i += 4) st(t + i, add(ld(t + i), ld(dy + i)));
    for (; i < i1; i++) t[i] += dy[i];
  }
}

// AdamW (arXiv 1711.05101, algorithm 2) on one tensor; decoupled decay. g is first multiplied by gscale (clipping).
EXPORT void adamw(const f32 *p, const f32 *g, const f32 *m, const f32 *v, f32 *p2, f32 *m2, f32 *v2, i32 size, f32 gscale, f32 lr, f32 b1, f32 b2, f32 eps, f32 decay, f32 c1, f32 c2, i32 part, i32 parts) {
  f32 keep = 1.0f - lr * decay, step = lr / c1, root = 1.0f / __builtin_sqrtf(c2);
  i32 i = elements(size, part, parts), n = elements(size, part + 1, parts);
  for (; i + 4 <= n; i += 4) {
    v128_t gg = mul(ld(g + i), splat(gscale));
    v128_t mm = add(mul(ld(m + i), splat(b1)), mul(gg, splat(1.0f - b1)));
    v128_t vv = add(mul(ld(v + i), splat(b2)), mul(mul(gg, gg), splat(1.0f - b2)));
    v128_t den = add(mul(wasm_f32x4_sqrt(vv), splat(root)), splat(eps));
    st(m2 + i, mm), st(v2 + i, vv);
    st(p2 + i, sub(mul(ld(p + i), splat(keep)), mul(splat(step), wasm_f32x4_div(mm, den))));
  }
  for (; i < n; i++) {
    f32 gg = g[i] * gscale;
    m2[i] = m[i] * b1 + gg * (1.0f - b1);
    v2[i] = v[i] * b2 + gg * gg * (1.0f - b2);
    p2[i] = p[i] * keep - step * m2[i] / (__builtin_sqrtf(v2[i]) * root + eps);
  }
}
