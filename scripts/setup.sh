#!/usr/bin/env bash
# Installs what the repository needs on a fresh Debian machine with Node: a compiler for SQLite's binding, and what the
# tests of damage record and bend (strace, libfaketime), where they are missing and we may install them; then the packages
# of the lock file.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v g++ >/dev/null || missing+=(g++)
command -v make >/dev/null || missing+=(make)
command -v python3 >/dev/null || missing+=(python3)
command -v strace >/dev/null || missing+=(strace)
command -v faketime >/dev/null || missing+=(faketime)
if [[ ${#missing[@]} -gt 0 ]]; then
  if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "expected ${missing[*]} to be installed, found none; install them, or run this as root on Debian" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "${missing[@]}"
fi

# Node's own headers, where its installation has them, spare the compiler a download.
prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
if [[ -f $prefix/include/node/node.h ]]; then export npm_config_nodedir=$prefix; fi

npm ci
