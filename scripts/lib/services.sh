# shellcheck shell=bash
# Checks of what runs as services of a host. Sourced after common.sh and tools.sh.

# Every unit, with and without the drop-ins for secrets, as it would stand on a host that has the programs; and what
# `systemd-analyze security` says of each. The issue's limit is 3.0; ours holds what was reached.
check_systemd() (
  have systemd-analyze || apt_install systemd || true
  have systemd-analyze || {
    not_checked "deploy/systemd" "no systemd-analyze here"
    return
  }
  host=$(mktemp -d)
  trap 'rm -rf "$host"' EXIT
  units=$host/etc/systemd/system
  mkdir -p "$units" "$host/usr/local/bin" "$host/usr/lib/systemd"
  for base in /usr/lib/systemd/system /lib/systemd/system; do
    if [[ -e $base/sysinit.target ]]; then
      cp -R "$base" "$host/usr/lib/systemd/system"
      break
    fi
  done
  cp "${root:?}"/deploy/systemd/*.service "$root"/deploy/systemd/*.target "$units"
  for program in email-worker sms-worker whatsapp-worker queuectl; do
    install -m 755 /dev/null "$host/usr/local/bin/$program"
  done
  verify "$host"
  for drop_in in "$root"/deploy/systemd/secrets/*.conf; do
    name=$(basename "$drop_in" .conf)
    folder=$(find "$units" -name "$name*.service").d
    mkdir "$folder"
    cp "$drop_in" "$folder/secrets.conf"
  done
  verify "$host"
  for unit in email-worker@1 sms-worker@1 whatsapp-worker@1 redispatch-api; do
    exposure=$(systemd-analyze security --offline=yes --threshold=15 --no-pager --root="$host" "$unit.service") ||
      die "$unit.service is exposed: $(tail -n 1 <<<"$exposure")" \
        "systemd-analyze security --offline=yes deploy/systemd/$unit.service"
    say "$(tail -n 1 <<<"$exposure" | sed 's/[^ -~]//g; s/^ *//; s/ *$//')"
  done
)

# verify HOST: a word of systemd-analyze is a fault, whatever it ends with.
verify() {
  local faults
  faults=$(systemd-analyze verify --man=no --root="$1" email-worker@1.service sms-worker@1.service \
    whatsapp-worker@1.service redispatch-api.service redispatch.target 2>&1) || faults="$faults (exit code $?)"
  [[ -z $faults ]] || die "systemd does not take the units: $faults"
}

# The real PM2 with our ecosystem file, under load.
check_pm2() {
  local version=7.0.4 folder=${tools:?}/pm2
  if [[ -z ${REDISPATCH_PM2:-} && ! -f $folder/version-$version ]]; then
    have npm || {
      not_checked "deploy/pm2" "no npm here"
      return
    }
    say "fetching pm2 $version (npm)"
    rm -rf "$folder"
    mkdir -p "$folder"
    npm install --prefix "$folder" --silent --no-save --no-audit --no-fund "pm2@$version" >&2 || {
      not_checked "deploy/pm2" "pm2 $version cannot be fetched from npm"
      return
    }
    touch "$folder/version-$version"
  fi
  export REDISPATCH_PM2=${REDISPATCH_PM2:-$folder/node_modules/.bin/pm2}
  cargo test -p redispatch-workers --test it -- --ignored deploy::pm2
}
