# Shared by the scripts in this folder: source it, do not run it.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache="$root/cache"
started_at=$SECONDS
export LC_ALL=C.UTF-8

say() { printf '[%3ds] %s\n' $((SECONDS - started_at)) "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root: run it as root or install sudo (wanted: $*)"
  fi
}

# debian_release: 12, 13 …; anything else ends the script
debian_release() {
  local id version
  # shellcheck disable=SC1091
  id=$(. /etc/os-release && echo "$ID")
  # shellcheck disable=SC1091
  version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  [ "$id/${version%%.*}" = debian/12 ] || [ "$id/${version%%.*}" = debian/13 ] || die "these scripts know Debian 12 and 13; this is $id $version"
  echo "${version%%.*}"
}

# quietly LOG COMMAND…: the command's output goes to a file and is shown only when it fails
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    die "failed: $* (all of its output: $log)"
  fi
}

apt_update_once() {
  [ -z "${apt_updated:-}" ] || return 0
  say "reading the package lists of Debian"
  quietly "$cache/log/apt-update" as_root apt-get -q -o Acquire::Retries=3 update
  apt_updated=1
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
available() { [ -n "$(apt-cache show --no-all-versions "$1" 2>/dev/null)" ]; }

# apt_install PACKAGE…: installs what is missing
apt_install() {
  local package missing=()
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  apt_update_once
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  quietly "$cache/log/apt-install" as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install "${missing[@]}"
}

# apt_fetch FOLDER PACKAGE…: downloads the packages themselves, installs nothing
apt_fetch() {
  local folder=$1
  shift
  mkdir -p "$folder"
  # the lists may be missing or older than the archive
  if ! (cd "$folder" && apt-get -q download "$@") >"$cache/log/apt-download" 2>&1; then
    apt_update_once
    (cd "$folder" && quietly "$cache/log/apt-download" apt-get -q -o Acquire::Retries=3 download "$@")
  fi
}

# hash_of PATH…: one hash of the names and contents of files (folders: all in them but the documentation)
hash_of() {
  (cd "$root" && find "$@" -type f ! -name "*.md" -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
}

use_pinned_node() {
  export PATH="$root/node_modules/.bin:$PATH"
  [ -x "$root/node_modules/.bin/node" ] || die "node_modules is missing: run scripts/install-deps first"
}

# apt_site LABEL: where this machine's apt gets packages with that label
apt_site() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' "Label: $1" 2>/dev/null |
    grep -m 1 -E '^(https?|file):' || true
}
debian_mirror() {
  local uri
  uri=$(apt_site Debian)
  echo "${uri:-http://deb.debian.org/debian}"
}
debian_security_mirror() {
  local uri
  uri=$(apt_site Debian-Security)
  echo "${uri:-http://deb.debian.org/debian-security}"
}
