#!/usr/bin/env bash
# The larger form of the CUDA kernels' tests without a GPU (about ten minutes on two cores): larger shapes, the same under
# AddressSanitizer and UndefinedBehaviorSanitizer, and the native backend's suites, tfjs-core's own tests and the golden
# ones among them, on the device cuda-emulated.
set -eu
cd "$(dirname "$0")"
make -s -j2 check-large check-driver addon
make -s -j2 SAN=address,undefined check
cd ../../..
export BREVITY_ADDON=$PWD/native/build-test/cuda/brevity.node BREVITY_DEVICE=cuda-emulated
npx vitest run --project native --testTimeout 600000 test/conformance test/tensor/ops test/model/golden test/dpo/golden \
  test/dpo/update test/rewards/hf test/sampling/sample
