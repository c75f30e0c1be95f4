# shellcheck shell=bash
# Checks of what runs as services of a host. Sourced after common.sh and tools.sh.

check_systemd() { not_checked "deploy/systemd" "nothing to check yet"; }

check_pm2() { not_checked "deploy/pm2" "nothing to check yet"; }
