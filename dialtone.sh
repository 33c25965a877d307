#!/bin/sh
# Runs the dt of this checkout: finds the binary beside this file, builds it if it is missing or older than its sources,
# and becomes it. Nothing of this script is left while dt runs.

# This file's own directory, through symbolic links. A name without a slash comes from `sh dialtone.sh` or from PATH.
self=$0
case $self in
*/*) ;;
*) if [ -f "./$self" ]; then self=./$self; else self=$(command -v -- "$self") || exit 127; fi ;;
esac
while [ -L "$self" ]; do
  link=$(readlink "$self") || exit 127
  case $link in
  /*) self=$link ;;
  *) self=${self%/*}/$link ;;
  esac
done
here=$(CDPATH='' cd -P -- "${self%/*}/" && pwd) || exit 127
dt=$here/dist/dt
lock=$here/.dialtone-building

# Inside a `bun` that dt provides, this variable would turn dt into bun.
unset BUN_BE_BUN

say() {
  printf 'dialtone.sh: %s\n' "$1" >&2
}

# Compares only times; `build.ts --if-changed` compares contents. Removing a file makes its directory newer.
fresh() {
  [ -x "$dt" ] || return 1
  [ -f "$here/build.ts" ] || return 0
  newer=$(cd "$here" && find src build.ts package.json package-lock.json tsconfig.json bunfig.toml -newer dist/dt 2>/dev/null | head -n 1)
  [ -z "$newer" ]
}

# The Bun that this project locks, even if npm did not run its install script; otherwise the machine's own.
find_bun() {
  for bun in "$here"/node_modules/.bin/bun "$here"/node_modules/@oven/bun-*/bin/bun "$(command -v bun)"; do
    [ -x "$bun" ] && "$bun" --version >/dev/null 2>&1 </dev/null && return 0
  done
  return 1
}

# `--include`: NODE_ENV=production or npm's settings may leave out what the build needs.
install() {
  if command -v npm >/dev/null 2>&1; then
    say "installing what the build needs (npm ci) ..."
    (cd "$here" && npm ci --no-audit --no-fund --include=dev --include=optional >&2 </dev/null)
  elif command -v bun >/dev/null 2>&1; then
    say "installing what the build needs (bun install) ..."
    (cd "$here" && bun install --frozen-lockfile >&2 </dev/null)
  else
    say "neither npm nor bun was found to build $dt."
    say "Install Node.js with npm (or Bun), or put a released dt there."
    return 127
  fi
}

build() {
  if [ ! -f "$here/build.ts" ]; then
    say "there is no $dt, and no source to build it from."
    say "Put a released dt there, or run that one directly."
    return 127
  fi
  installed=no
  if [ ! -d "$here/node_modules" ] || ! find_bun; then
    install || return
    installed=yes
    find_bun || {
      say "the installation left no working bun in $here/node_modules."
      return 1
    }
  fi
  (cd "$here" && "$bun" build.ts --if-changed >&2 </dev/null)
  status=$?
  # 3: the installed packages do not match package.json, for example after a pull.
  [ "$status" -eq 3 ] && [ "$installed" = no ] || return "$status"
  install || return
  find_bun && (cd "$here" && "$bun" build.ts --if-changed >&2 </dev/null)
}

alive() {
  is_pid "$1" || return 1
  kill -0 "$1" 2>/dev/null || ps -p "$1" >/dev/null 2>&1
}

# The name in the lock becomes part of a path, so only a number is accepted.
is_pid() {
  case $1 in
  '' | *[!0-9]*) return 1 ;;
  esac
}

# One build at a time. The lock is a symbolic link whose target names its holder: it exists whole or not at all, and
# leads nowhere. A dead holder's lock is not removed, since two processes could do that at once. It is succeeded by a
# link named after the dead holder, which only one process can make.
take_lock() {
  held=$lock
  # If the path is a directory, or a link to one, `ln` would make its link inside it.
  until [ ! -d "$held" ] && ln -s "pid:$$" "$held" 2>/dev/null; do
    holder=$(readlink "$held") || return 1
    holder=${holder#pid:}
    is_pid "$holder" || {
      holder=
      return 1
    }
    alive "$holder" && return 1
    held=$lock.$holder
    holder=
  done
  # Meanwhile a successor may have finished: it removes the first link before its own.
  link=$lock
  while [ "$link" != "$held" ]; do
    holder=$(readlink "$link")
    holder=${holder#pid:}
    if [ -z "$holder" ] || alive "$holder"; then
      rm -f "$held"
      return 1
    fi
    link=$lock.$holder
  done
}

release_lock() {
  rm -f "$lock"
  for link in "$lock".*; do
    holder=$(readlink "$link")
    holder=${holder#pid:}
    if [ "$holder" = "$$" ] || ! alive "$holder"; then rm -f "$link"; fi
  done
}

build_once() {
  said=no
  tries=0
  until take_lock; do
    if [ -n "$holder" ]; then
      [ "$said" = yes ] || say "waiting for process $holder, which builds dt (if it does not: rm $lock*)"
      said=yes
      sleep 1
    else
      # Just released. Or no lock can be made here at all: then the build says why, or finds that nothing changed.
      tries=$((tries + 1))
      [ "$tries" -lt 10 ] || break
    fi
    fresh && return 0
  done
  fresh || build
  status=$?
  [ "$tries" -ge 10 ] || release_lock
  return "$status"
}

if ! fresh; then
  build_once
  status=$?
  if [ "$status" -eq 127 ]; then
    exit 127
  elif [ "$status" -ne 0 ]; then
    say "dt could not be built; see above."
    exit 125
  fi
fi

# Without /proc, the Bun inside dt aborts before dt can say why. Other systems have no /proc.
if [ ! -L /proc/self/exe ] && [ "$(uname -s)" = Linux ]; then
  say "dt needs /proc, which is not mounted here: mount -t proc proc /proc"
  exit 125
fi

exec "$dt" "$@"
