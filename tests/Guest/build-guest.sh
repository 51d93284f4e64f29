#!/usr/bin/env bash
# build-guest.sh [--flavour small|sessions] [--seed N] [--path] [OUTFOLDER]
#
# Builds the guest of the tests, the demo and the benchmarks from Debian packages only: disk.raw (sparse, a whole disk that is one ext4 with
# extlinux in its boot sector) and guest.json. Prints the folder it stands in, in the cache; with OUTFOLDER, copies both files there.
#   small      Debian minbase, systemd, python3, sqlite3, the agent: boots in seconds; workload.py light|editor
#   sessions   besides gcc, make, zstd, packages and a source tree to unpack: workload.py heavy
#   --path     prints the folder of the cache and whether it is built (exit 3 if not), builds nothing
# Environment: VMPOD_CACHE (the cache folder), VMPOD_DEBIAN_SOURCES (an apt sources file, else this machine's).
set -euo pipefail
HERE=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
. "$HERE/cache.sh"

FLAVOUR=small SEED=1 ONLY_PATH='' OUT=''
while [ $# -gt 0 ]; do
  case $1 in
    --flavour) FLAVOUR=${2:?--flavour small|sessions}; shift 2 ;;
    --seed) SEED=${2:?--seed N}; shift 2 ;;
    --path) ONLY_PATH=1; shift ;;
    -*) fail "unknown option $1" 2 ;;
    *) OUT=$1; shift ;;
  esac
done

# Debian packages in the guest. python3: the agent and the workloads. wamerican: words for documents. procps, kmod, udev: a usual system.
PACKAGES=systemd-sysv,udev,kmod,procps,python3,sqlite3,wamerican
case $FLAVOUR in
  small) DISK_SIZE=2G WORK_MIB=1500 ;;
  sessions) DISK_SIZE=4G WORK_MIB=3000 PACKAGES=$PACKAGES,dbus,gcc,libc6-dev,make,zstd,less,vim-tiny ;;
  *) fail "no flavour $FLAVOUR: small or sessions" 2 ;;
esac
[[ $SEED =~ ^[0-9]{1,9}$ ]] || fail "the seed is a number" 2

NAME=guest-$FLAVOUR-$(input_hash "$GUEST_INPUTS" "$FLAVOUR" "$SEED" "$DISK_SIZE" "$PACKAGES")
deliver() {
  touch "$CACHE/$NAME"                         # the last used ones stay when old ones go
  if [ -n "$OUT" ]; then
    mkdir -p "$OUT"
    cp --sparse=always "$CACHE/$NAME/disk.raw" "$CACHE/$NAME/guest.json" "$OUT/"
  fi
  printf '%s\n' "$CACHE/$NAME"
  exit 0
}
if [ -n "$ONLY_PATH" ]; then
  printf '%s\n' "$CACHE/$NAME"
  [ -f "$CACHE/$NAME/guest.json" ] || exit 3
  exit 0
fi
if [ -f "$CACHE/$NAME/guest.json" ]; then deliver; fi

need_tools mmdebstrap extlinux busybox cpio mkfs.ext4 apt-get dpkg-deb unshare flock
[ "$(uname -m)" = x86_64 ] || fail "the guest is an x86-64 machine, and its packages are unpacked by running them" 9
lock_cache "$FLAVOUR"
if [ -f "$CACHE/$NAME/guest.json" ]; then deliver; fi

WORK=$(work_folder "$WORK_MIB" guest)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM
# A mount namespace of its own: whatever ends the build, its loop mount ends with it.
unshare --mount --propagation private "$HERE/build-disk.sh" "$WORK" "$FLAVOUR" "$DISK_SIZE" "$PACKAGES" "$SEED" </dev/null >&2
publish "$WORK/out" "$NAME" "guest-$FLAVOUR"
say "guest $FLAVOUR ready: $(du -m "$CACHE/$NAME/disk.raw" | cut -f1) MiB allocated"
deliver
