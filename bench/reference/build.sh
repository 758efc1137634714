#!/usr/bin/env bash
# Builds the C encoders that `npm run bench:codecs` compares with: QUIC, LZ and GLZ of Debian's source package `spice`,
# behind shim.c. Everything stays in cache/reference-codecs; nothing of it is part of the product, its build or its tests.
# Usage: bench/reference/build.sh [--clean]
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

here="$root/bench/reference"
work="$cache/reference-codecs"
case ${1:-} in
  --clean) rm -rf "$work" ;;
  '') ;;
  *) die "usage: bench/reference/build.sh [--clean]" ;;
esac
mkdir -p "$work" "$cache/log"
library="$work/libreference.so"
CC=${CC:-gcc}
command -v "$CC" >/dev/null || die "no C compiler: apt-get install gcc libc6-dev"

# apt with source lists and folders of its own: those of the machine stay as they are.
private_apt() { env APT_CONFIG="$work/apt/apt.conf" apt-get -q "$@"; }

prepare_apt() {
  local kind suite apt="$work/apt" keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  # shellcheck disable=SC1091
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/sources"
  for kind in deb deb-src; do
    echo "$kind [signed-by=$keyring] $(debian_mirror) $suite main"
  done >"$apt/sources.list"
  cat >"$apt/apt.conf" <<-END
	Dir::Etc::SourceList "$apt/sources.list";
	Dir::Etc::SourceParts "$apt/sources";
	Dir::State::Lists "$apt/lists";
	Dir::Cache "$apt/cache";
	APT::Sandbox::User "";
	Acquire::Languages "none";
	Acquire::Retries "3";
	END
  say "reading the package lists of Debian $suite"
  quietly "$cache/log/reference-apt-update" private_apt update
}

# The source and the headers it wants, unpacked but not installed.
fetch() {
  local archive package part="$work/part"
  rm -rf "$part" "$work/source" "$work/headers"
  mkdir -p "$part/packages" "$part/source" "$part/headers"
  prepare_apt
  cd "$part/packages"
  say "getting the source package spice and the headers of glib, pixman and spice-protocol"
  quietly "$cache/log/reference-source" private_apt --download-only source spice
  quietly "$cache/log/reference-headers" private_apt download libglib2.0-dev libpixman-1-dev libspice-protocol-dev
  archive=$(find . -name 'spice_*.orig.tar.*' ! -name '*.asc')
  tar -xf "$archive" -C "$part/source" --strip-components 1
  for package in ./*.deb; do
    dpkg -x "$package" "$part/headers"
  done
  cd "$root"
  basename "${archive%.orig.tar.*}" >"$part/source/.version"
  mv "$part/source" "$part/headers" "$work/"
  rm -rf "$part" "$work/apt"
}

if [ ! -d "$work/source" ] || [ ! -d "$work/headers" ]; then
  fetch
fi

common=$work/source/subprojects/spice-common
triplet=$("$CC" -dumpmachine)
mkdir -p "$work/config"
# The sources want to include it; none of the parts built here needs anything from it.
: >"$work/config/config.h"
sources=("$common/common/quic.c" "$common/common/lz.c" "$common/common/mem.c")
sources+=("$work/source/server/glz-encoder.c" "$work/source/server/glz-encoder-dict.c" "$here/shim.c")
glib=$(find /usr/lib/"$triplet" /lib/"$triplet" -name 'libglib-2.0.so.0' 2>/dev/null | head -n 1)
[ -n "$glib" ] || die "no libglib-2.0.so.0: apt-get install libglib2.0-0"

say "compiling with $CC -O2"
quietly "$cache/log/reference-compile" "$CC" -O2 -g -std=gnu11 -shared -fPIC -fvisibility=hidden \
  -I"$work/config" -I"$common" -I"$work/source/server" \
  -I"$work/headers/usr/include/spice-1" -I"$work/headers/usr/include/pixman-1" \
  -I"$work/headers/usr/include/glib-2.0" -I"$work/headers/usr/lib/$triplet/glib-2.0/include" \
  "${sources[@]}" "$glib" -Wl,-z,defs -o "$library.part"
mv "$library.part" "$library"
say "$(cat "$work/source/.version"): ${library#"$root"/}"
