#!/bin/sh
# make-secrets.sh FOLDER: puts into it what the services log in with. What is there stays, but for a token that is given.
set -eu
cd "$1"

random() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

# keep FILE TEXT: at once, so that nobody reads half of it. The programs run as users without a name, so all may
# read it; who is no container of this project has no way to it.
keep() {
  # Left by a run that was cut short, it can be taken away, and not written to.
  rm -f ".$1"
  printf '%s\n' "$2" >".$1"
  chmod 444 ".$1"
  mv -f ".$1" "$1"
}

# Redis's own file last: a run that was cut short is begun again.
if [ ! -e redis.conf ]; then
  password=$(random)
  keep redis_url "redis://default:$password@$REDIS_ADDRESS/0"
  keep redis.conf "requirepass $password"
fi
if [ -n "$API_TOKEN" ]; then
  keep api_token "$API_TOKEN"
elif [ ! -e api_token ]; then
  keep api_token "$(random)"
fi
