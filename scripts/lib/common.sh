# shellcheck shell=bash
# What all scripts share. Sourced, with `root` set to the top of the tree.

target=${CARGO_TARGET_DIR:-$root/target}
[[ $target == /* ]] || target=$root/$target
# downloaded tools: safe to delete, fetched again when needed
tools=$target/tools

say() { printf '%s\n' "$*" >&2; }

# die WHAT [HINT]
die() {
  say "error: $1"
  [[ $# -lt 2 ]] || say "" "hint: $2"
  exit 1
}

# not_checked WHAT WHY: a check that this machine has no tool for.
not_checked() { say "not checked: $1 ($2)"; }

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command as root: directly, or with a sudo that asks for nothing. Fails where neither is possible.
as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif have sudo && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

# Prints a Python that has pip: one of our own where the system's has none.
python_with_pip() {
  local candidate
  for candidate in "$tools/python/bin/python" python3; do
    if "$candidate" -m pip --version >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  have python3 && python3 -m venv "$tools/python" >/dev/null 2>&1 && printf '%s\n' "$tools/python/bin/python"
}

# apt_install PACKAGE…: quiet when it works, with apt's own words when it does not.
apt_install() {
  local log
  have apt-get && as_root true || return 1
  log=$(mktemp)
  say "installing $* (apt-get)"
  if as_root apt-get -qq update >"$log" 2>&1 &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@" >>"$log" 2>&1; then
    rm -f "$log"
    return
  fi
  tail -n 5 "$log" >&2
  rm -f "$log"
  return 1
}

require_cargo() {
  have cargo || die "no cargo here" "install Rust from https://rustup.rs, then run this again"
}
