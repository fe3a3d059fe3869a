// A libcublasLt.so.13 for tests, beside the driver that is none: products as cuBLASLt documents them, column by column
// and one at a time, so that what a product is described with is proven. FAKE_CUDA_COMPUTES=1 makes it compute.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int transposed[2];
} Desc;
typedef struct {
  int type;
  uint64_t rows, cols;
  int64_t ld, stride;
  int32_t batch;
} Layout;

size_t cublasLtGetVersion(void) { return 130100; }
int cublasLtCreate(void** handle) { return *handle = malloc(1), 0; }
int cublasLtDestroy(void* handle) { return free(handle), 0; }

int cublasLtMatmulDescCreate(void** desc, int compute, int scale) {
  // Float sums, perhaps of operands rounded to tf32; float scales.
  if ((compute != 68 && compute != 77) || scale != 0) return 7;
  return *desc = calloc(1, sizeof(Desc)), 0;
}
int cublasLtMatmulDescSetAttribute(void* desc, int attribute, const void* value, size_t bytes) {
  if (attribute < 3 || attribute > 4 || bytes != sizeof(int32_t)) return 7;
  return memcpy(&((Desc*)desc)->transposed[attribute - 3], value, bytes), 0;
}
int cublasLtMatmulDescDestroy(void* desc) { return free(desc), 0; }

int cublasLtMatrixLayoutCreate(void** layout, int type, uint64_t rows, uint64_t cols, int64_t ld) {
  if ((type != 0 && type != 14) || ld < (int64_t)rows) return 7;
  Layout* made = calloc(1, sizeof(Layout));
  made->type = type;
  made->rows = rows;
  made->cols = cols;
  made->ld = ld;
  made->batch = 1;
  return *layout = made, 0;
}
int cublasLtMatrixLayoutSetAttribute(void* layout, int attribute, const void* value, size_t bytes) {
  Layout* l = layout;
  if (attribute == 5 && bytes == sizeof l->batch) return memcpy(&l->batch, value, bytes), 0;
  if (attribute == 6 && bytes == sizeof l->stride) return memcpy(&l->stride, value, bytes), 0;
  return 7;
}
int cublasLtMatrixLayoutDestroy(void* layout) { return free(layout), 0; }

int cublasLtMatmulPreferenceCreate(void** preference) { return *preference = malloc(1), 0; }
int cublasLtMatmulPreferenceSetAttribute(void* preference, int attribute, const void* value, size_t bytes) {
  return (void)preference, (void)value, attribute == 1 ? bytes != 8 : attribute < 5 || attribute > 8 || bytes != 4;
}
int cublasLtMatmulPreferenceDestroy(void* preference) { return free(preference), 0; }

typedef struct {
  uint64_t algorithm[8];
  size_t workspaceBytes;
  int state;
  float waves;
  int reserved[4];
} Heuristic;
int cublasLtMatmulAlgoGetHeuristic(void* handle, void* desc, void* a, void* b, void* c, void* d, void* preference, int most,
                                   Heuristic* found, int* count) {
  (void)handle, (void)desc, (void)a, (void)b, (void)c, (void)d, (void)preference, (void)most;
  memset(found, 0, sizeof *found);
  return *count = 1, 0;
}

// The element at (row, col) of op(matrix).
static double element(const Layout* l, const void* matrix, int transposed, int64_t batch, uint64_t row, uint64_t col) {
  const int64_t at = batch * l->stride + (transposed ? (int64_t)row * l->ld + (int64_t)col : (int64_t)col * l->ld + (int64_t)row);
  if (l->type == 0) return ((const float*)matrix)[at];
  const uint32_t bits = (uint32_t)((const uint16_t*)matrix)[at] << 16;
  float value;
  return memcpy(&value, &bits, 4), value;
}

int cublasLtMatmul(void* handle, void* desc, const float* alpha, const void* A, void* a, const void* B, void* b,
                   const float* beta, const void* C, void* c, float* D, void* d, const void* algorithm, void* workspace,
                   size_t workspaceBytes, void* stream) {
  (void)handle, (void)C, (void)algorithm, (void)workspace, (void)workspaceBytes, (void)stream;
  const int *transposed = ((Desc*)desc)->transposed;
  const Layout *la = a, *lb = b, *lc = c;
  const uint64_t K = transposed[0] ? la->rows : la->cols;
  if (c != d || C != (const void*)D || lc->rows != (transposed[0] ? la->cols : la->rows) ||
      K != (transposed[1] ? lb->cols : lb->rows) || lc->cols != (transposed[1] ? lb->rows : lb->cols))
    return 7;
  if (getenv("FAKE_CUDA_COMPUTES") == NULL || atoi(getenv("FAKE_CUDA_COMPUTES")) == 0) return 0;
  for (int32_t batch = 0; batch < lc->batch; batch++)
    for (uint64_t col = 0; col < lc->cols; col++)
      for (uint64_t row = 0; row < lc->rows; row++) {
        double sum = 0;
        for (uint64_t k = 0; k < K; k++)
          sum += element(la, A, transposed[0], batch, row, k) * element(lb, B, transposed[1], batch, k, col);
        float* at = D + batch * lc->stride + (int64_t)col * lc->ld + (int64_t)row;
        *at = (float)(*alpha * sum + (*beta == 0 ? 0 : *beta * (double)*at));
      }
  return 0;
}
