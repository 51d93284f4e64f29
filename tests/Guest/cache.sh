# shellcheck shell=bash
# Sourced by build-guest.sh and make-sessions.sh: a cache of built folders, keyed by a hash of what they are built from.
# Needs $HERE (this folder). Nothing outside the cache folder is left behind: work is done in RAM, and a folder appears whole or not at all.

CACHE=${VMPOD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmpod}
KEEP_MAX=3                                     # built folders kept of one kind and flavour: the current one, and two branches back

say() { printf '[%3ds] %s\n' "$SECONDS" "$*" >&2; }
fail() { printf '%s: %s\n' "$(basename "$0")" "$1" >&2; exit "${2:-1}"; }

need_tools() {
  local missing='' tool
  for tool in "$@"; do PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing="$missing $tool"; done
  [ -z "$missing" ] || fail "missing on this machine:$missing. Run ./vmpod build as root: it installs what is missing." 9
  [ "$(id -u)" = 0 ] || fail "building a disk image mounts it, and that needs root." 9
}

# input_hash FILES WORD...: of the words, and of the named files and folders here (one string, separated by spaces).
input_hash() {
  local files=$1
  shift
  # shellcheck disable=SC2086
  { printf '%s\n' "$@"; cd "$HERE" && find $files -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-16
}
GUEST_INPUTS='build-disk.sh guest'

# work_folder MIB NAME: a private folder in RAM if there is room, else in the cache folder.
work_folder() {
  local base=/dev/shm
  if [ "$(df --output=avail -m /dev/shm 2>/dev/null | tail -1 || echo 0)" -lt "$1" ]; then base=$CACHE; fi
  mktemp -d "$base/vmpod-$2.XXXXXX"
}

# lock_cache NAME: one builder of a kind at a time; a second one waits and then finds the first one's work.
lock_cache() {
  mkdir -p "$CACHE"
  exec 9>"$CACHE/.lock-$1"
  if ! flock -n 9; then
    say "another process builds $1; waiting for it"
    flock 9
  fi
}

# publish FROM NAME KIND: the finished folder takes its name in one step; older ones of its kind go, the last KEEP_MAX stay.
publish() {
  rm -rf "$CACHE/.new-$2"
  cp -r --sparse=always "$1" "$CACHE/.new-$2"
  sync -f "$CACHE/.new-$2"
  mv -T "$CACHE/.new-$2" "$CACHE/$2"
  find "$CACHE" -maxdepth 1 -type d -name "$3-????????????????" -printf '%T@ %p\n' | sort -rn | tail -n +$((KEEP_MAX + 1)) | cut -d' ' -f2- | xargs -r -d '\n' rm -rf
}
