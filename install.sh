#!/bin/sh
# Installs, upgrades or removes a released dt: picks this machine's archive, verifies its checksum, and puts the binary
# in place with one rename, so that there is always a whole one.
#
#   sh install.sh [--version V] [--to DIR] [--from DIR] [--uninstall]
#
#   --version V   the release, like 0.1.0 (default: the latest)
#   --to DIR      where to put dt (default: ~/.local/bin)
#   --from DIR    a folder of archives with their SHA256SUMS, instead of a download
#   --uninstall   remove dt from there; its files about your projects stay
#
# DT_DOWNLOADS: where releases are, instead of the project's own downloads (a release is at $DT_DOWNLOADS/v0.1.0/).
set -eu

downloads=${DT_DOWNLOADS:-https://github.com/dialtone/dt/releases/download}
latest=${DT_LATEST:-https://github.com/dialtone/dt/releases/latest}
version=
to=
from=
uninstall=no

say() {
  printf '%s\n' "install.sh: $*" >&2
}

# fail PROBLEM [WHAT TO DO] [STATUS]
fail() {
  say "$1"
  [ -z "${2:-}" ] || printf '    %s\n' "$2" >&2
  exit "${3:-1}"
}

need_value() {
  if [ "$#" -lt 2 ] || [ -z "$2" ]; then fail "$1 needs a value." "sh install.sh $1 ..." 2; fi
}

while [ "$#" -gt 0 ]; do
  case $1 in
  --version | --to | --from)
    need_value "$@"
    case $1 in
    --version) version=${2#v} ;;
    --to) to=$2 ;;
    --from) from=$2 ;;
    esac
    shift 2
    ;;
  --uninstall)
    uninstall=yes
    shift
    ;;
  -h | --help)
    printf '%s\n' "sh install.sh [--version V] [--to DIR] [--from DIR] [--uninstall]"
    exit 0
    ;;
  *) fail "there is no flag $1." "sh install.sh [--version V] [--to DIR] [--from DIR] [--uninstall]" 2 ;;
  esac
done

if [ -z "$to" ]; then
  [ -n "${HOME:-}" ] || fail "HOME is not set, so there is no ~/.local/bin." "Name a folder: sh install.sh --to DIR"
  to=$HOME/.local/bin
fi
case $to in
/*) ;;
*) to=$PWD/$to ;;
esac
dt=$to/dt

# The version of an installed dt, like 0.1.0; empty if it is not a dt or does not run.
version_of() {
  [ -x "$1" ] && "$1" --version 2>/dev/null </dev/null | sed -n 's/^dt \([0-9][^ ]*\).*/\1/p' | head -n 1
}

if [ "$uninstall" = yes ]; then
  [ -e "$dt" ] || [ -L "$dt" ] || {
    say "there is no $dt; nothing was removed."
    exit 0
  }
  rm -f "$dt" || fail "could not remove $dt." "Check who may write to $to."
  say "removed $dt. Running launches go on. The .dialtone folders of your projects and ~/.dialtone stay; remove them yourself if you like."
  exit 0
fi

find_target() {
  os=$(uname -s)
  cpu=$(uname -m)
  case $os in
  Linux) os=linux ;;
  Darwin) os=darwin ;;
  *) fail "there is no dt for $os." "dt runs on Linux and macOS; on Windows, inside WSL." ;;
  esac
  case $cpu in
  x86_64 | amd64) cpu=x64 ;;
  aarch64 | arm64) cpu=arm64 ;;
  *) fail "there is no dt for $cpu machines." "dt runs on x86_64 and aarch64 (arm64)." ;;
  esac
  # A shell under Rosetta reports x86_64 on an Apple chip.
  if [ "$os-$cpu" = darwin-x64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || :)" = 1 ]; then cpu=arm64; fi
  target=$os-$cpu
  if [ "$os" = linux ] && is_musl; then target=$target-musl; fi
}

# If both C libraries are installed, the one that `ldd` belongs to decides.
is_musl() {
  if ldd --version 2>&1 | grep -qi musl; then return 0; fi
  for loader in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1 /lib/*/ld-linux-*.so.*; do
    [ -e "$loader" ] && return 1
  done
  for loader in /lib/ld-musl-*; do [ -e "$loader" ] && return 0; done
  return 1
}

sum_of() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$1" | cut -d ' ' -f 1
  elif command -v openssl >/dev/null 2>&1; then
    openssl dgst -sha256 "$1" | sed 's/.* //'
  else
    return 1
  fi
}

# fetch URL FILE
fetch() {
  if command -v curl >/dev/null 2>&1; then
    curl -fsSL --retry 3 -o "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1"
  else
    fail "neither curl nor wget was found for the download." "Install one of them, or download the archives and use --from DIR."
  fi
}

# The address of the latest release redirects to its version.
find_latest() {
  if command -v curl >/dev/null 2>&1; then
    curl -fsSLI -o /dev/null -w '%{url_effective}' "$latest"
  else
    wget -q -S --spider "$latest" 2>&1 | sed -n 's/^ *[Ll]ocation: *//p' | tail -n 1
  fi | sed -n 's|.*/v\{0,1\}\([0-9][^/]*\)$|\1|p'
}

find_target
if [ -n "$from" ]; then
  [ -d "$from" ] || fail "there is no folder $from." "--from expects a folder with the archives and SHA256SUMS."
  if [ -z "$version" ]; then
    # The newest version there for this machine; versions are compared number by number.
    version=$(for file in "$from"/dt-*-"$target".tar.gz; do
      name=${file##*/dt-}
      [ -e "$file" ] && printf '%s\n' "${name%-"$target".tar.gz}"
    done | sort -t . -k 1,1n -k 2,2n -k 3,3n | tail -n 1)
    [ -n "$version" ] || fail "$from holds no archive for this machine (dt-VERSION-$target.tar.gz)."
  fi
elif [ -z "$version" ]; then
  version=$(find_latest) || version=
  [ -n "$version" ] || fail "could not find the latest release at $latest." "Name a release: sh install.sh --version 0.1.0"
fi
archive=dt-$version-$target.tar.gz

umask 022
mkdir -p "$to" 2>/dev/null || fail "could not create $to." "Name another folder: sh install.sh --to DIR"
[ -w "$to" ] || fail "$to may not be written to." "Name another folder: sh install.sh --to DIR"
[ ! -d "$dt" ] || fail "$dt is a folder." "Name another folder: sh install.sh --to DIR"
# In the target folder, so that the last step is a rename. First remove what an earlier, killed install.sh left.
for left in "$to"/.dt-install.*; do
  pid=${left##*.}
  case $pid in
  *[!0-9]*) ;;
  *) kill -0 "$pid" 2>/dev/null || rm -rf "$left" ;;
  esac
done
work=$to/.dt-install.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work" || fail "could not create $work."

if [ -n "$from" ]; then
  [ -f "$from/$archive" ] || fail "$from has no $archive."
  [ -f "$from/SHA256SUMS" ] || fail "$from has no SHA256SUMS, so $archive cannot be verified."
  cp "$from/$archive" "$from/SHA256SUMS" "$work/" || fail "could not copy $archive to $to." "Is the disk full?"
else
  fetch "$downloads/v$version/SHA256SUMS" "$work/SHA256SUMS" || fail "could not download the checksums of dt $version from $downloads." "Is there such a release, and does the network work?"
  fetch "$downloads/v$version/$archive" "$work/$archive" || fail "could not download $archive from $downloads/v$version." "Is there a release for this machine, and does the network work?"
fi

wanted=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$archive\$/\1/p" "$work/SHA256SUMS")
[ -n "$wanted" ] || fail "SHA256SUMS does not name $archive, so it cannot be verified; nothing was installed."
found=$(sum_of "$work/$archive") || fail "no sha256sum, shasum or openssl was found to verify $archive; nothing was installed." "Install one of them."
[ "$found" = "$wanted" ] || fail "$archive is not what SHA256SUMS says: expected $wanted, found $found. Nothing was installed." "Download it again; if it still differs, report it to the project."

tar -xzf "$work/$archive" -C "$work" dt || fail "could not unpack $archive." "Is the disk full?"
chmod 755 "$work/dt"
now=$(version_of "$work/dt") || now=
[ -n "$now" ] || fail "the dt in $archive does not run on this machine ($target); nothing was installed." "$("$work/dt" --version 2>&1 </dev/null | head -n 1)"

before=$(version_of "$dt") || before=
mv -f "$work/dt" "$dt" || fail "could not replace $dt."
if [ -z "$before" ]; then
  say "installed dt $now as $dt"
elif [ "$before" = "$now" ]; then
  say "installed dt $now again as $dt"
else
  say "upgraded $dt from $before to $now; running launches keep their old host until they are restarted"
fi

case :${PATH:-}: in
*:"$to":*)
  there=$(command -v dt 2>/dev/null) || there=
  [ -z "$there" ] || [ "$there" = "$dt" ] || say "but \`dt\` still means $there, which comes earlier on your PATH"
  ;;
*) say "$to is not on your PATH. Put this in your shell's profile: export PATH=\"$to:\$PATH\"" ;;
esac
