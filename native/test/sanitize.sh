#!/bin/sh
# The kernels' tests under AddressSanitizer and UndefinedBehaviorSanitizer, then under ThreadSanitizer; every op of the
# cpu device under both; and the native backend's suites in Node over an addon with the first two:
# npm run test:native:sanitizers (about ten minutes on two cores). With an argument: only the kernels' tests whose names
# contain it.
set -e
cd "$(dirname "$0")"
for sanitizers in address,undefined thread; do
  suffix=$(echo $sanitizers | tr , -)
  echo "== $sanitizers: kernels"
  make -s -j2 SAN=$sanitizers OPT="-O1" "../build-test/native-$suffix/tests"
  "../build-test/native-$suffix/tests" "$@"
  [ $# -eq 0 ] || continue
  echo "== $sanitizers: every op, on one thread and on four"
  make -s -j2 -C ../cuda/test SAN=$sanitizers "../../build-test/cuda-$suffix/tests"
  "../build-test/cuda-$suffix/tests" --cpu
done
[ $# -eq 0 ] || exit 0
echo "== address,undefined: the addon"
make -s -j2 -C ../cuda/test SAN=address,undefined addon
cd ../..
# Node itself frees little at its end, and V8 maps memory as it likes: no leaks are looked for. Left out: how a missing
# addon is explained, which another addon changes, and what loading takes, which sanitizers add to.
LD_PRELOAD="$(c++ -print-file-name=libasan.so) $(c++ -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0 \
  BREVITY_ADDON=$PWD/native/build-test/cuda-address-undefined/brevity.node \
  npx vitest run --project native --testTimeout 600000 --exclude '**/addon.test.ts' -t '^(?!.*without a float32 copy)' \
  test/conformance test/tensor test/dpo test/sampling
