#!/usr/bin/env bash
# make-sessions.sh [--generations N] [--ram MIB] [--seed N] [--path] [OUTFOLDER]
#
# Builds real suspended sessions of the `sessions` guest, for the benchmarks: generations 0..N (default 3) as OUTFOLDER/genN/
#   disk.raw   the whole disk, sparse          mem.raw    guest RAM: file offset = guest-physical address (i440fx, below 3 GiB)
#   state.bin  QEMU's device state (migration stream with x-ignore-shared, about 0.4 MB)
#   meta.json  the witness at the suspend, times, QEMU's arguments
# gen0 fresh boot, idle; gen1 light office session; gen2 packages unpacked and a program compiled; gen3 light again. Every generation is resumed by a
# new QEMU from the one before, and its witness is checked. Prints the folder of the cache; with OUTFOLDER, copies it there (sparse).
# Emulated (TCG): these are inputs for benchmarks of the vault, not a measurement of QEMU. About 2 minutes the first time.
set -euo pipefail
HERE=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
. "$HERE/cache.sh"

GENERATIONS=3 RAM_MIB=1024 SEED=1 ONLY_PATH='' OUT=''
while [ $# -gt 0 ]; do
  case $1 in
    --generations) GENERATIONS=${2:?--generations N}; shift 2 ;;
    --ram) RAM_MIB=${2:?--ram MIB}; shift 2 ;;
    --seed) SEED=${2:?--seed N}; shift 2 ;;
    --path) ONLY_PATH=1; shift ;;
    -*) fail "unknown option $1" 2 ;;
    *) OUT=$1; shift ;;
  esac
done
[[ $SEED$GENERATIONS$RAM_MIB =~ ^[0-9]+$ ]] || fail "seed, generations and RAM are numbers" 2

NAME=sessions-$(input_hash "$GUEST_INPUTS build-guest.sh sessions.py" "$SEED" "$GENERATIONS" "$RAM_MIB")
deliver() {
  touch "$CACHE/$NAME"
  if [ -n "$OUT" ]; then
    mkdir -p "$OUT"
    cp -r --sparse=always "$CACHE/$NAME/." "$OUT/"
  fi
  printf '%s\n' "$CACHE/$NAME"
  exit 0
}
if [ -n "$ONLY_PATH" ]; then
  printf '%s\n' "$CACHE/$NAME"
  [ -d "$CACHE/$NAME" ] || exit 3
  exit 0
fi
if [ -d "$CACHE/$NAME" ]; then deliver; fi

need_tools qemu-system-x86_64 python3 flock
GUEST=$("$HERE/build-guest.sh" --flavour sessions --seed "$SEED")
lock_cache sessions-made
if [ -d "$CACHE/$NAME" ]; then deliver; fi
WORK=$(work_folder $((RAM_MIB * (GENERATIONS + 2) + 1500 * (GENERATIONS + 2))) sessions)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM
mkdir "$WORK/out"
cp --sparse=always "$GUEST/disk.raw" "$WORK/disk.raw"
python3 "$HERE/sessions.py" "$WORK" "$GENERATIONS" "$RAM_MIB" "$SEED" >&2
publish "$WORK/out" "$NAME" sessions
say "sessions ready: $(du -sm "$CACHE/$NAME" | cut -f1) MiB allocated"
deliver
