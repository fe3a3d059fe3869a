#!/usr/bin/env bash
# The larger form of the CUDA kernels' tests without a GPU (about ten minutes on two cores): larger shapes, the same under
# AddressSanitizer and UndefinedBehaviorSanitizer with all instruction sets, and the native backend's suites, tfjs-core's
# own tests and the golden ones among them, on the device cuda-emulated. `npm run test:long` has the smaller form.
set -eu
cd "$(dirname "$0")"
make -s -j2 check-large check-driver addon
make -s -j2 SAN=address,undefined check
cd ../../..
export BREVITY_ADDON=$PWD/native/build-test/cuda/brevity.node BREVITY_DEVICE=cuda-emulated
npx vitest run --project native --testTimeout 600000 test/conformance test/tensor/ops test/tensor/properties test/model \
  test/train test/rewards/hf test/model/generate test/tensor/native/recording
