// Stream capture and graphs: a captured launch is not made but kept with a copy of its arguments, and made at each launch
// of its graph.
//   FAKE_CUDA_GRAPHS    the result of making a graph that can be launched (0)
#include "graphs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { mostArguments = 64, mostExtra = 3 };

typedef struct {
  dim3 grid, threads;
  unsigned shared;
  int arguments;
  void* values[mostArguments];
  void* extra[mostExtra];
  int hasExtra;
} node;

typedef struct {
  node* nodes;
  int count, room, owners;
} graph;

static graph* current = NULL;
static int spoilt = 0;
long long graphLaunches = 0;

int capturing(void) { return current != NULL; }
int refusedInCapture(void) {
  if (current == NULL) return 0;
  spoilt = 1;
  return 900;
}

// ".param .u64 .ptr .global .align 1 name," or ".param .align 8 .b8 name[96]": the type's bytes, and how many.
unsigned nextParameter(const char** at) {
  const char* end = strchr(*at, ')');
  const char* from = strstr(*at, ".param");
  if (from == NULL || (end != NULL && from > end)) return 0;
  unsigned bytes = 0, count = 1;
  const char* c = from + strlen(".param");
  for (; *c != ',' && *c != ')' && *c != 0; c++) {
    if (*c == '.' && strchr("ubfs", c[1]) != NULL && isdigit(c[2])) bytes = (unsigned)atoi(c + 2) / 8;
    if (*c == '[') count = (unsigned)atoi(c + 1);
  }
  *at = c;
  return bytes * count;
}

void noteLaunch(const char* function, dim3 grid, dim3 threads, unsigned shared, void** arguments, void** extra) {
  if (current->count == current->room) {
    current->room = current->room * 2 + 16;
    current->nodes = realloc(current->nodes, (size_t)current->room * sizeof(node));
  }
  node* n = &current->nodes[current->count++];
  memset(n, 0, sizeof *n);
  n->grid = grid;
  n->threads = threads;
  n->shared = shared;
  n->hasExtra = extra != NULL;
  if (extra != NULL) memcpy(n->extra, extra, sizeof n->extra);
  for (unsigned bytes; (bytes = nextParameter(&function)) > 0; n->arguments++)
    n->values[n->arguments] = memcpy(malloc(bytes), arguments[n->arguments], bytes);
}

static void leave(graph* g) {
  if (g == NULL || --g->owners > 0) return;
  for (int i = 0; i < g->count; i++)
    for (int k = 0; k < g->nodes[i].arguments; k++) free(g->nodes[i].values[k]);
  free(g->nodes);
  free(g);
}

int cuStreamBeginCapture_v2(void* stream, int mode) {
  (void)stream;
  if (current != NULL || mode < 0 || mode > 2) return 1;
  current = calloc(1, sizeof *current);
  current->owners = 1;
  spoilt = 0;
  return 0;
}
int cuStreamEndCapture(void* stream, graph** made) {
  (void)stream;
  if (current == NULL) return 1;
  *made = spoilt ? NULL : current;
  if (spoilt) leave(current);
  current = NULL;
  return spoilt ? 901 : 0;
}
int cuGraphInstantiateWithFlags(graph** made, graph* from, unsigned long long flags) {
  const char* result = getenv("FAKE_CUDA_GRAPHS");
  if (result != NULL && atoi(result) != 0) return atoi(result);
  from->owners++;
  *made = from;
  return flags == 0 ? 0 : 1;
}
int cuGraphLaunch(graph* g, void* stream) {
  (void)stream;
  if (current != NULL) return refusedInCapture();
  graphLaunches++;
  for (int i = 0; i < g->count; i++) {
    node* n = &g->nodes[i];
    launchKernel(n->grid, n->threads, n->shared, n->values, n->hasExtra ? n->extra : NULL);
  }
  return 0;
}
int cuGraphExecDestroy(graph* g) { return leave(g), 0; }
int cuGraphDestroy(graph* g) { return leave(g), 0; }
