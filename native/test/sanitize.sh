#!/bin/sh
# The kernels' tests under AddressSanitizer and UndefinedBehaviorSanitizer, then under ThreadSanitizer:
# npm run test:native:sanitizers. With an argument: only the tests whose names contain it.
set -e
cd "$(dirname "$0")"
for sanitizers in address,undefined thread; do
  echo "== $sanitizers"
  make -s SAN=$sanitizers OPT="-O1" "../build-test/native-$(echo $sanitizers | tr , -)/tests"
  "../build-test/native-$(echo $sanitizers | tr , -)/tests" "$@"
done
