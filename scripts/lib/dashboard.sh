# shellcheck shell=bash
# Running what drives the dashboard in a browser. Sourced after common.sh, redis.sh and tools.sh.

# Gets all that scripts/dashboard/tests need: a Redis, a Chromium, the packages, the programs. Sets `dashboard`.
prepare_dashboard() {
  local name
  need_redis
  need_dashboard_packages
  need_chromium
  dashboard=${tools:?}/dashboard
  # Page and tests beside the packages, where both Node.js and TypeScript look for these.
  for name in page tests tsconfig.json; do
    ln -sfn "${root:?}/scripts/dashboard/$name" "$dashboard/$name"
  done
}

# Builds the programs, unless REDISPATCH_PROGRAMS names a folder with them.
need_programs() {
  [[ -z ${REDISPATCH_PROGRAMS:-} ]] || return 0
  require_cargo
  # of the whole workspace, as the step `tests` of scripts/test builds them
  cargo test --workspace --test it --no-run
  export REDISPATCH_PROGRAMS=${target:?}/debug
}

# run_in_browser FILE…: of scripts/dashboard/tests.
run_in_browser() {
  mkdir -p "${REDISPATCH_SCREENSHOTS:?}"
  NODE_OPTIONS="--preserve-symlinks --preserve-symlinks-main" \
    node --test --test-reporter=spec --test-concurrency=2 "${@/#/${dashboard:?}/tests/}"
}
