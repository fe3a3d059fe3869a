#!/usr/bin/env bash
# Verifies Brevity's cuda backend on a GPU and measures it: one file that carries Node, the program, its tests and the
# benchmarks. It needs a Linux on x86-64 with bash, tar, gzip and xz or python3, and an NVIDIA driver; python3 with torch
# for the peer; compute-sanitizer for memcheck and racecheck. Nothing is compiled, downloaded or installed.
#
#   bash verify-gpu.sh [--out FILE] [--minutes N] [--emulated]
#
#   --out FILE     where the results go, written anew after each step (verify-gpu.json)
#   --minutes N    what is not done by then is left out (9; 240 with --emulated)
#   --emulated     all checks on the device cuda-emulated: no GPU, no benchmarks, hours
#
# BREVITY_GPU numbers the GPU; PYTHON names the python3 that has torch; TMPDIR takes about 300 MB while it runs.
# Ends with 0 where every check passed. Made by `npm run bench:gpu:pack`.
set -u
out=verify-gpu.json minutes= device=cuda
fail() { printf 'verify: %s\n' "$*" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --emulated) device=cuda-emulated ;;
    --out | --minutes)
      [ $# -ge 2 ] || fail "$1 needs a value"
      if [ "$1" = --out ]; then out=$2; else minutes=$2; fi
      shift ;;
    -h | --help) sed -n '/^#/!{/^set/q;d};/^#!/d;s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "unknown argument $1; --help shows what there is" ;;
  esac
  shift
done
[ -n "$minutes" ] || { [ $device = cuda ] && minutes=9 || minutes=240; }
case $minutes in '' | *[!0-9.]* | *.*.* | .) fail "--minutes is $minutes; expected a number such as 9" ;; esac
: 2>/dev/null >>"$out" || fail "the results cannot be written to $out; name another file with --out"
[ -s "$out" ] || rm -f "$out"
[ "$(uname -sm)" = 'Linux x86_64' ] || fail "this is $(uname -sm); the archive holds programs for Linux x86_64"
for tool in tar gzip tail mktemp df; do
  command -v $tool >/dev/null || fail "$tool was not found; install it"
done
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | tr -dc 0-9.)
if [ "$(printf '%s\n' "$NEEDS_GLIBC" "${glibc:-0}" | sort -V | head -n 1)" != "$NEEDS_GLIBC" ]; then
  fail "the C library here is ${glibc:-not glibc}; the programs need glibc $NEEDS_GLIBC or newer (Ubuntu 22.04, Debian 12)"
fi
free=$(df -Pk "${TMPDIR:-/tmp}" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }')
[ -n "$free" ] || fail "there is no folder ${TMPDIR:-/tmp}; set TMPDIR to one that can be written"
[ "$free" -ge 300 ] || fail "${TMPDIR:-/tmp} has $free MB free and 300 are needed; set TMPDIR to a folder with more"
root=$(mktemp -d "${TMPDIR:-/tmp}/brevity-verify.XXXXXX") || fail "no folder can be made in ${TMPDIR:-/tmp}; set TMPDIR"
child=
finish() { rm -rf "$root"; }
trap finish EXIT
# Node ends what runs and writes what is known.
trap '[ -z "$child" ] || { kill -TERM "$child" 2>/dev/null; wait "$child"; }; exit 143' TERM INT HUP
tail -n "+$ARCHIVE_LINE" "$0" | tar -xzf - -C "$root" || fail "the archive cannot be unpacked into $root: the file is damaged, or the disk full"
if command -v xz >/dev/null; then
  xz -d "$root/bin/node.xz" || fail "Node cannot be unpacked into $root"
elif command -v python3 >/dev/null; then
  python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1] + ".xz"), open(sys.argv[1], "wb"))' \
    "$root/bin/node" && chmod +x "$root/bin/node" || fail "Node cannot be unpacked into $root by python3"
else
  fail 'neither xz nor python3 was found; install one (xz-utils)'
fi
mkdir "$root/work"
export TMPDIR=$root/work HOME=${HOME:-$root/work}
# One GPU for everything, the peer too.
[ -z "${BREVITY_GPU:-}" ] || { export CUDA_VISIBLE_DEVICES=$BREVITY_GPU; unset BREVITY_GPU; }
"$root/bin/node" "$root/app/dist/src/verify.js" "$out" "$minutes" "$device" "$root" "$root/work" &
child=$!
wait "$child"
exit $?
