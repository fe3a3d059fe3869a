#!/usr/bin/env bash
# Verifies the cuda backend on a GPU, in steps that each have a time limit, and writes OUT (bench/results/cuda.json
# unless a path is given): what passed, what failed with its output, and the figures. Needs bash, an NVIDIA driver and a
# checkout after `npm ci` (a C++ compiler builds the addon); compute-sanitizer and a python3 with torch where they are
# installed. From the repository: bench/gpu/verify.sh [OUT]
#
# Leaves out, until it has run once on hardware: packing Node, the app and the addon into one file.
set -u
cd "$(dirname "$0")/../.."
out=${1:-bench/results/cuda.json}
tests=native/build-test/cuda/tests
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

say() { printf '%s\n' "$*" >&2; }

# step NAME SECONDS COMMAND…: its output is kept in the results.
step() {
  local name=$1 limit=$2 started=$SECONDS status
  shift 2
  say "$name …"
  timeout "$limit" "$@" >"$work/$name.out" 2>&1
  status=$?
  echo "$status" >"$work/$name.status"
  echo $((SECONDS - started)) >"$work/$name.seconds"
  if [ $status -ne 0 ]; then
    failed=1
    say "$name failed (exit $status): $(tail -n 1 "$work/$name.out")"
  fi
  return $status
}

if ! node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null; then
  say 'verify: Node 20 or newer is not on the path; install it'
  exit 1
fi
# The addon's own words: no driver, no card, a driver that is too old.
if ! reason=$(node bench/gpu/open.mjs 2>&1 >"$work/device.json"); then
  say "verify: $reason"
  exit 1
fi

step build 240 make -s -j -C native/cuda/test ../../build-test/cuda/tests
step kernels 120 "$tests" --gpu --large
if command -v compute-sanitizer >/dev/null; then
  step memcheck 180 compute-sanitizer --error-exitcode 9 "$tests" --gpu
  step racecheck 180 compute-sanitizer --tool racecheck --error-exitcode 9 "$tests" --gpu
else
  say 'compute-sanitizer is not installed: memcheck and racecheck are left out'
fi
export BREVITY_DEVICE=cuda
step conformance 300 npx vitest run test/conformance
step golden 300 npx vitest run test/tensor test/model test/dpo
unset BREVITY_DEVICE
step round 240 node dist/src/cli.js auto "$work/run" --backend cuda --rounds 1
for shape in 15m 135m; do
  step "bench-$shape" 120 node dist/bench/measure.js "$shape" cuda
  if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
    step "peer-$shape" 120 python3 bench/peer/torch_lr_dpo.py --shape "$shape" --device cuda --dtype bf16 --compile --sample 64
  else
    say "python3 has no torch with CUDA: $shape is measured alone"
  fi
done

node bench/gpu/report.mjs "$work" >"$out" || failed=1
say "results are in $out"
exit $failed
