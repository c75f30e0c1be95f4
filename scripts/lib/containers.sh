# shellcheck shell=bash
# Checks of what runs in containers. Sourced after common.sh and tools.sh.

# Docker Compose 2, as a program of its own. Sets REDISPATCH_COMPOSE; fails where there is none.
need_compose() {
  local plugin fetched=${tools:?}/docker-compose/docker-compose
  [[ -z ${REDISPATCH_COMPOSE:-} ]] || return 0
  # shellcheck disable=SC2016 # a template of docker's
  plugin=$(docker info --format '{{range .ClientInfo.Plugins}}{{if eq .Name "compose"}}{{.Path}}{{end}}{{end}}' 2>/dev/null) || true
  if [[ -x $plugin ]]; then
    REDISPATCH_COMPOSE=$plugin
  elif docker-compose version --short 2>/dev/null | grep -q '^v\?[2-9]'; then
    REDISPATCH_COMPOSE=$(command -v docker-compose)
  else
    [[ -x $fetched ]] || unpack_compose || return 1
    REDISPATCH_COMPOSE=$fetched
  fi
  export REDISPATCH_COMPOSE
}

# Docker Compose of Debian 13, which also runs on Debian 12, and Ubuntu's: unpacked only, nothing is installed.
unpack_compose() (
  folder=${tools:?}/docker-compose
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  have apt-get && have dpkg || return 1
  say "fetching Docker Compose (package docker-compose, unpacked only)"
  rm -rf "$folder"
  mkdir -p "$folder"/{lists,cache}/partial
  cd "$folder" || return 1
  options=()
  if [[ -f $keys ]]; then
    printf 'deb [signed-by=%s] http://deb.debian.org/debian trixie main\n' "$keys" >sources.list
    options=(-o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null
      -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root
      -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
    apt-get -qq "${options[@]}" update >&2 || return 1
  fi
  apt-get -qq "${options[@]}" download docker-compose >&2 || apt-get -qq "${options[@]}" download docker-compose-v2 >&2 ||
    return 1
  dpkg -x ./*.deb files || return 1
  mv files/usr/libexec/docker/cli-plugins/docker-compose . || return 1
  rm -rf files lists cache ./*.deb
  ./docker-compose version >/dev/null
)

check_compose() {
  if ! need_compose; then
    not_checked "docker-compose.yml" "there is no Docker Compose 2 here, and it cannot be fetched"
    return
  fi
  "$REDISPATCH_COMPOSE" --profile '*' config --quiet
  # of the whole workspace, since that builds the workers, too, and is what the step `tests` has built
  cargo test --workspace --test it deploy::stack -- --ignored
  not_checked "docker-compose.yml in containers" "its services ran as processes; see also the step image"
}

# kubernetes-validate, which brings the schemas, in a folder of its own. Sets kubernetes_validate; fails where it cannot be had.
need_kubernetes_validate() {
  local version=1.37.0 folder=${tools:?}/kubernetes-validate
  kubernetes_validate=$folder/bin/kubernetes-validate
  if [[ ! -x $kubernetes_validate || ! -f $folder/version-$version ]]; then
    have python3 || return 1
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv || true
    say "fetching kubernetes-validate $version (PyPI)"
    python3 -m venv --clear "$folder" >&2 || return 1
    "$folder/bin/python" -m pip -q --disable-pip-version-check install "kubernetes-validate==$version" >&2 || return 1
    touch "$folder/version-$version"
  fi
}

check_kubernetes() {
  local folder=deploy/kubernetes all
  all=$(mktemp)
  if have kubectl; then
    kubectl kustomize "$folder" >"$all"
  else
    not_checked "$folder/kustomization.yaml" "no kubectl here"
    # what kustomize puts together
    sed -n 's/^  - \(.*\.yaml\)$/\1/p' "$folder/kustomization.yaml" | while IFS= read -r file; do
      printf -- '---\n'
      cat "$folder/$file"
    done >"$all"
  fi
  printf -- '---\n' | cat - "$folder/secret.example.yaml" >>"$all"
  if need_kubernetes_validate; then
    # the oldest and the newest that it knows
    "$kubernetes_validate" --strict --quiet -k 1.32 "$all"
    "$kubernetes_validate" --strict --quiet "$all"
  else
    not_checked "$folder against Kubernetes's schemas" "kubernetes-validate cannot be had from PyPI"
  fi
  if have kubeconform; then
    kubeconform -strict "$all"
  fi
  rm -f "$all"
}
