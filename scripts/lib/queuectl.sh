# shellcheck shell=bash
# Finding queuectl, for the scripts that stand on it. Sourced after common.sh.

# fail WHAT [HINT]: as queuectl does, exit code 2.
fail() {
  say "error: $1"
  [[ $# -lt 2 ]] || say "" "hint: $2"
  exit 2
}

# Sets `queuectl`: the program of a release, beside the scripts, of a build, or on the PATH.
need_queuectl() {
  for queuectl in "${root:?}/bin/queuectl" "$root/scripts/queuectl" "${target:?}/release/queuectl" "$target/debug/queuectl"; do
    [[ ! -f $queuectl || ! -x $queuectl ]] || return 0
  done
  queuectl=$(command -v queuectl) ||
    fail "no queuectl here" "cargo build --release -p queuectl, or put it beside this script or on the PATH"
}
