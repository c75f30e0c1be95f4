# shellcheck shell=bash
# Building the image without a container engine, and running what is in it. Sourced after common.sh; needs root.

image_tools=${tools:?}/image
# bytes of storage above which everything is made anew
image_storage_limit=$((8 << 30))

# buildah with images of its own. Its layers stay between runs.
b() { buildah --root "$image_tools/storage" --runroot "$image_tools/run" --storage-driver overlay "$@"; }

# Says nothing where buildah works here, else why not.
why_no_buildah() {
  [[ $(id -u) == 0 ]] || { echo "building needs root"; return; }
  have buildah || apt_install buildah || { echo "no buildah here"; return; }
  mkdir -p "$image_tools"
  b info >/dev/null 2>"$image_tools/info.log" || echo "buildah: $(tail -n 1 "$image_tools/info.log")"
}

# Sets `build_options`. The base image comes from its registry, or is made here in its likeness: the same Debian with
# the same packages, where the toolchain of this machine is mounted, and the crates it has fetched.
need_base() {
  local name=$1 log=$image_tools/base.log
  build_options=(--isolation chroot --format docker --layers)
  if b inspect --type image "$name" >/dev/null 2>&1; then
    :
  elif timeout 300 buildah --root "$image_tools/storage" --runroot "$image_tools/run" --storage-driver overlay \
    pull -q "$name" >/dev/null 2>&1; then
    say "base image $name from its registry"
  else
    say "making a base image like $name (debootstrap)"
    have debootstrap || apt_install debootstrap debian-archive-keyring || return 1
    make_base "$name" "${name##*-}" >"$log" 2>&1 || { tail -n 5 "$log" >&2 && return 1; }
  fi
  if [[ $(b inspect --type image --format '{{.Docker.Config.Labels.made}}' "$name") == here ]]; then
    cargo fetch -q --locked --target "$(rustc -vV | sed -n 's/^host: //p')"
    build_options+=(--pull-never -v "$(rustc --print sysroot):/usr/local/toolchain:ro"
      -v "${CARGO_HOME:-$HOME/.cargo}/registry:/usr/local/cargo/registry")
  fi
}

# make_base NAME SUITE
make_base() {
  local container folder program bin=/usr/local/cargo/bin
  container=$(b from scratch)
  folder=$(b mount "$container")
  debootstrap --variant=minbase --include=ca-certificates,gcc,libc6-dev "$2" "$folder" || return 1
  rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
  mkdir -p "$folder$bin" "$folder/usr/local/toolchain"
  for program in cargo rustc; do ln -s "/usr/local/toolchain/bin/$program" "$folder$bin/"; done
  b umount "$container"
  b config --label made=here --env CARGO_HOME=/usr/local/cargo --env CARGO_NET_OFFLINE=true \
    --env "PATH=$bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$container"
  b commit -q --format docker --rm "$container" "$1"
}

# build_image TAG [OPTION…]: its base images are those of the Dockerfile.
build_image() {
  local tag=$1
  shift
  b build "${build_options[@]}" "$@" -t "$tag" . >"$image_tools/build.log" 2>&1 ||
    { tail -n 20 "$image_tools/build.log" >&2 && return 1; }
}

keep_storage_small() {
  local used
  used=$(du -sxb "$image_tools/storage" 2>/dev/null | cut -f1) || return 0
  ((used <= image_storage_limit)) || b rmi --all --force >/dev/null
}

# of_config FIELD: a part of the image's configuration, a Go template below `.Docker.Config`.
# shellcheck disable=SC2154 # set by the script
of_config() { b inspect --type image --format "{{$1}}" "$image"; }

# contained NAME=VALUE… PROGRAM ARG…: becomes a program of the image as an engine starts it: PID 1, nobody's user, a
# root that is read-only, the image's environment and that given, its command where none is. Its mounts end with it.
#
# Needs `rootfs` (the image), `etc` (a folder with what an engine puts over it), `merged` (an empty folder).
contained() {
  local settings=() environment command
  mapfile -t environment < <(of_config 'range .Docker.Config.Env}}{{.}}{{"\n"}}{{end')
  while [[ ${1-} == *=* ]]; do
    settings+=("$1")
    shift
  done
  command=("$@")
  (($#)) || mapfile -t command < <(of_config 'range .Docker.Config.Cmd}}{{.}}{{"\n"}}{{end')
  # shellcheck disable=SC2016 # the inner shell's own
  exec unshare --mount --pid --fork --kill-child=KILL bash -euc '
    root=$1 layers=$2 user=$3
    shift 3
    mount -t overlay overlay -o "ro,lowerdir=$layers" "$root"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    cp -a /dev/{null,zero,full,random,urandom} "$root/dev/"
    mount -t tmpfs -o "uid=${user%:*},gid=${user#*:},mode=700" tmpfs "$root/outbox"
    exec env -i "$@"' - "${merged:?}" "${etc:?}:${rootfs:?}" "$(of_config .Docker.Config.User)" \
    "${environment[@]}" ${settings[@]+"${settings[@]}"} \
    "$(command -v chroot)" --userspec="$(of_config .Docker.Config.User)" "$merged" "${command[@]}"
}

# pid_1 PID: prints who is PID 1 in what `contained` started as PID, once that is the image's program.
pid_1() {
  local status child
  while kill -0 "$1" 2>/dev/null; do
    status=$(grep -l "^PPid:[[:space:]]$1\$" /proc/[0-9]*/status 2>/dev/null || true)
    child=${status#/proc/}
    child=${child%/status}
    if [[ -n $child && $(readlink "/proc/$child/exe") == "$merged"/* ]]; then
      printf '%s\n' "$child"
      return
    fi
    sleep 0.02
  done
  return 1
}
