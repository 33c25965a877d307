#!/bin/sh
# Runs the dt of this checkout: finds the binary beside this file, builds it when it is missing or older than its sources,
# and becomes it. Nothing of this script is left when dt runs.

# This file's own directory, through symbolic links.
self=$0
case $self in
*/*) ;;
*) self=$(command -v -- "$self") || exit 127 ;;
esac
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in
  /*) self=$link ;;
  *) self=${self%/*}/$link ;;
  esac
done
here=$(CDPATH='' cd -P -- "${self%/*}" && pwd) || exit 127
dt=$here/dist/dt

# A dt started below a `bun` of dt's own is a dt again.
unset BUN_BE_BUN

fresh() {
  [ -x "$dt" ] || return 1
  [ -f "$here/build.ts" ] || return 0
  newer=$(find "$here/src" "$here/build.ts" "$here/package.json" "$here/package-lock.json" "$here/tsconfig.json" -newer "$dt" 2>/dev/null | head -n 1)
  [ -z "$newer" ]
}

say() {
  printf 'dialtone.sh: %s\n' "$1" >&2
}

# The Bun that is locked for this project comes first, then npm to install it, then a Bun of the machine.
build() {
  [ -f "$here/build.ts" ] || {
    say "there is no $dt and no source to build it from."
    say "Install a released dt and put it there, or use it directly."
    return 127
  }
  bun=$here/node_modules/.bin/bun
  if ! "$bun" --version >/dev/null 2>&1; then
    if command -v npm >/dev/null 2>&1; then
      say "installing what the build needs (npm ci) ..."
      (cd "$here" && npm ci --no-audit --no-fund >&2) || return 1
    elif command -v bun >/dev/null 2>&1; then
      say "installing what the build needs (bun install) ..."
      (cd "$here" && bun install --frozen-lockfile >&2) || return 1
    else
      say "there is no $dt, and neither npm nor bun to build it with."
      say "Install Node.js with npm (or Bun), or put a released dt at $dt."
      return 127
    fi
    "$bun" --version >/dev/null 2>&1 || bun=$(command -v bun) || return 1
  fi
  say "building dt from this checkout ..."
  (cd "$here" && "$bun" build.ts --if-changed >&2)
}

# One build at a time: the directory is the lock, the pid in it tells whether its maker still lives.
build_once() {
  lock=$here/.dialtone-build
  while ! mkdir "$lock" 2>/dev/null; do
    holder=$(cat "$lock/pid" 2>/dev/null)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
      rm -rf "$lock"
    elif [ ! -w "$here" ]; then
      break
    else
      sleep 1
    fi
    fresh && return 0
  done
  echo $$ 2>/dev/null >"$lock/pid"
  build
  status=$?
  rm -rf "$lock"
  return $status
}

if ! fresh; then
  build_once
  status=$?
  if [ "$status" -ne 0 ]; then
    [ "$status" -eq 127 ] || say "dt could not be built; see above."
    [ "$status" -eq 127 ] && exit 127
    exit 125
  fi
fi

exec "$dt" "$@"
