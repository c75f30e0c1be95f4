# shellcheck shell=bash
# Checks of what runs in containers. Sourced after common.sh and tools.sh.

check_compose() { not_checked "docker-compose.yml" "nothing to check yet"; }

check_kubernetes() { not_checked "deploy/kubernetes" "nothing to check yet"; }
