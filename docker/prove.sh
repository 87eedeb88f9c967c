#!/usr/bin/env bash
# Builds the image for real and tries it, with no Docker engine: buildah, a chroot and namespaces.
#
#   sudo apt-get install buildah debootstrap
#   sudo docker/prove.sh [--keep IMAGE.tar]    # --keep leaves an archive for `docker load`
#
# The base is pulled, or made by debootstrap where no registry can be reached, and then kept under
# $XDG_CACHE_HOME. Where this machine reaches its package indexes through a mirror, a proxy or a
# certificate authority of its own, apt's and pip's settings are lent to the build and only to it.
#
# STORAGE_DRIVER=overlay is faster where it works; vfs, the default, works everywhere.
#
# The container runs as Docker would with `--read-only --user 54321 --cap-drop ALL --network none
# --memory 512m`: chroot isolation cannot make the root read-only, so unshare, mount, setpriv and
# chroot do. The memory is limited as Docker limits it, by a control group of version 2 or 1.
set -euo pipefail

BASE=docker.io/library/debian:bookworm-slim
SUITE=bookworm
LARGEST_MB=250
MEMORY_MIB=512
UID_IN_CONTAINER=54321 # not the image's own: any number must do
READY_SECONDS=60
STOP_SECONDS=40

repository=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vitrine
archive=
container=
parent=
process=
groups=()

say() { printf '\n== %s\n' "$*"; }
fail() {
    printf 'prove.sh: %s\n' "$*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
        --keep)
            [ $# -ge 2 ] || fail "--keep needs the name of a file"
            archive=$(realpath "$2")
            shift 2
            ;;
        *) fail "unknown argument $1; usage: docker/prove.sh [--keep IMAGE.tar]" ;;
    esac
done
[ "$(id -u)" = 0 ] || fail "chroot and mount need root; run it with sudo"
for tool in buildah debootstrap python3 unshare nsenter chroot; do
    command -v "$tool" >/dev/null || fail "$tool is missing; apt-get install buildah debootstrap python3 util-linux"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/vitrine-prove.XXXXXX")
export BUILDAH_ISOLATION=chroot
b() { buildah --storage-driver "${STORAGE_DRIVER:-vfs}" --root "$work/storage" --runroot "$work/run" "$@"; }

clean_up() {
    status=$?
    trap - EXIT
    if [ -n "$parent" ] && kill -0 "$parent" 2>/dev/null; then
        # Process 1 of the namespaces ends all others; having changed its user, it outlives its parent.
        [ -z "$process" ] || kill -KILL "$process" 2>/dev/null || true
        kill -KILL "$parent" 2>/dev/null || true
        wait "$parent" 2>/dev/null || true
    fi
    for group in "${groups[@]}"; do # empty as soon as the kernel has ended what was killed
        for _ in $(seq 50); do
            rmdir "$group" 2>/dev/null && break
            sleep 0.1
        done
    done
    b rm --all >/dev/null 2>&1 || true
    # Never delete through a mount that a build left behind.
    local mounted
    while mounted=$(awk -v work="$work/" 'index($5, work) == 1 { print $5 }' /proc/self/mountinfo | tail -n 1) && [ -n "$mounted" ]; do
        umount "$mounted" || {
            printf 'prove.sh: %s is still mounted; %s is left as it is\n' "$mounted" "$work" >&2
            exit 1
        }
    done
    rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- the base ---------------------------------------------------------------------------------

make_base() { # makes what Debian's slim image holds: minbase, less documentation and locales
    local root=$work/base mirror
    mirror=$(apt-get indextargets --format "\$(REPO_URI)" 'Created-By: Packages' "Codename: $SUITE" | head -n 1)
    debootstrap --variant=minbase "$SUITE" "$root" ${mirror:+"$mirror"} >"$work/debootstrap.log" 2>&1 || {
        tail -n 20 "$work/debootstrap.log" >&2
        fail "debootstrap failed; its last lines are above"
    }
    find "$root/usr/share/doc" -mindepth 1 -not -name copyright -not -type d -delete
    rm -rf "$root"/usr/share/{man,info,locale,lintian,linda}/* "$root"/var/cache/apt/* \
        "$root"/var/lib/apt/lists/* "$root"/var/log/*.log "$root"/var/log/apt "$root"/etc/resolv.conf
    find "$root/usr/share/doc" -type d -empty -delete
    printf 'path-exclude /usr/share/%s/*\n' doc man info locale lintian linda >"$root/etc/dpkg/dpkg.cfg.d/docker"
    printf 'path-include /usr/share/doc/*/copyright\n' >>"$root/etc/dpkg/dpkg.cfg.d/docker"
    mkdir -p "$cache"
    tar --create --file "$1.new" --numeric-owner --one-file-system --directory "$root" .
    mv "$1.new" "$1"
    rm -rf "$root"
}

say "Base $BASE"
made_base=$cache/debian-$SUITE-slim-$(dpkg --print-architecture).tar
if [ ! -e "$made_base" ] && b pull --quiet "$BASE" 2>"$work/pull.log"; then
    echo "pulled"
else
    if [ ! -e "$made_base" ]; then
        echo "cannot be pulled: $(tail -n 1 "$work/pull.log")"
        echo "making it with debootstrap"
        make_base "$made_base"
    fi
    echo "from $made_base"
    scratch=$(b from scratch)
    b add --quiet "$scratch" "$made_base" / >/dev/null
    b config --cmd bash --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$scratch"
    b commit --quiet --format docker --rm "$scratch" "$BASE" >/dev/null
fi

# --- what this machine lends to the build -----------------------------------------------------

# All of it lies in folders that the base has, so that no mount point stays behind in a layer:
# the home of the build's root user, apt's settings and keys.
say "Lend"
lent=()
lend() {
    lent+=(--volume "$1:$2")
    echo "$1 as $2"
}
mkdir -m 755 "$work/home"
lend "$work/home" /root

authority=${PIP_CERT:-${SSL_CERT_FILE:-}}
if [ -n "$authority" ]; then
    cp "$authority" "$work/home/authority.crt"
    chmod 644 "$work/home/authority.crt"
fi
# shellcheck source=/dev/null
if (. /etc/os-release && [ "${VERSION_CODENAME:-}" = "$SUITE" ]); then
    cp -a /etc/apt "$work/apt"
    [ -z "$authority" ] || echo 'Acquire::https::CAInfo "/root/authority.crt";' >"$work/apt/apt.conf.d/99lent"
    lend "$work/apt" /etc/apt:ro
    lend /usr/share/keyrings /usr/share/keyrings:ro
fi
python3 "$repository/docker/lend_pip.py" "$work/home" /root >"$work/folders"
while IFS=$'\t' read -r folder path; do
    lend "$folder" "$path:ro"
done <"$work/folders"

# --- the image --------------------------------------------------------------------------------

say "Build"
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$repository/service/__init__.py")
revision=$(git -C "$repository" rev-parse HEAD 2>/dev/null || echo unknown)
image=vitrine:$version
started=$SECONDS
b bud --format docker --layers --pull-never --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
    "${lent[@]}" --tag "$image" "$repository" >"$work/build.log" 2>&1 || {
    tail -n 40 "$work/build.log" >&2
    fail "the build failed; its last lines are above"
}
echo "$image built in $((SECONDS - started)) s"

b push --quiet "$image" "docker-archive:$work/image.tar:$image"
b push --quiet "$BASE" "docker-archive:$work/base.tar:$BASE"
[ -z "$archive" ] || cp "$work/image.tar" "$archive"
python3 "$repository/docker/weigh.py" "$work/image.tar" "$work/base.tar" "$LARGEST_MB" ||
    fail "the image's layers are not what they should be"

# --- the container ----------------------------------------------------------------------------

b inspect --type image "$image" >"$work/inspect.json"
field() { python3 -c "import json, sys; print(*json.load(open('$work/inspect.json'))['Docker']['config']$1, sep='\n')"; }
mapfile -t environment < <(field "['Env']")
mapfile -t command < <(field "['Entrypoint']" && field "['Cmd']")
mapfile -t healthcheck < <(field "['Healthcheck']['Test'][1:]")
user=$(field "['User'].split(':')[:1]")
[[ $user =~ ^[1-9][0-9]*$ ]] || fail "the image's user is '$user', not a number other than 0"

say "Labels"
expect_label() { # expect_label NAME VALUE
    local found
    found=$(field "['Labels'].get('org.opencontainers.image.$1', '').splitlines()")
    [ "$found" = "$2" ] || fail "the label org.opencontainers.image.$1 is '$found', not '$2'"
    echo "$1: $found"
}
expect_label title Vitrine
expect_label licenses Apache-2.0
expect_label base.name "$BASE"
expect_label version "$version"
expect_label revision "$revision"

say "Memory, $MEMORY_MIB MiB"
make_group() { # makes a control group of this memory, and no swap, and names it in $group
    local bytes=$((MEMORY_MIB * 1024 * 1024))
    if grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
        group=/sys/fs/cgroup/vitrine-prove-$$-$1 limit=memory.max swap=memory.swap.max swap_bytes=0
        peak=memory.peak kills=memory.events
    elif [ -d /sys/fs/cgroup/memory ]; then
        group=/sys/fs/cgroup/memory/vitrine-prove-$$-$1 limit=memory.limit_in_bytes
        swap=memory.memsw.limit_in_bytes swap_bytes=$bytes peak=memory.max_usage_in_bytes kills=memory.oom_control
    fi
    mkdir "${group:?"no memory controller is mounted at /sys/fs/cgroup"}" || fail "no control group can be made"
    groups+=("$group")
    echo "$bytes" >"$group/$limit"
    [ ! -e "$group/$swap" ] || echo "$swap_bytes" >"$group/$swap"
    [ "$(cat "$group/$limit")" = "$bytes" ] || fail "$group/$limit does not keep $bytes"
}
killed() { awk '$1 == "oom_kill" { print $2 }' "$group/$kills"; }

make_group probe
code=0
{
    bash -c 'echo $$ >"$1/cgroup.procs"; exec python3 -c "bytearray(b\"x\") * ($2 << 20)"' probe "$group" "$MEMORY_MIB" || code=$?
} 2>/dev/null
[ "$code" = 137 ] && [ "$(killed)" = 1 ] || fail "a process in $group could hold more than the limit (exit code $code)"
echo "in force: a process that asked for more was killed"
make_group service

say "Start, as user $UID_IN_CONTAINER, root file system read-only, no capabilities, no network"
container=$(b from --pull-never "$image")
root=$(b mount "$container")

as_user() { # runs a command of the image in the root file system, with nothing but its environment
    exec env -i "${environment[@]}" "$(command -v chroot)" "$root" \
        setpriv --reuid="$UID_IN_CONTAINER" --regid="$UID_IN_CONTAINER" --clear-groups \
        --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
}

start() { # process 1 of the namespaces: the mounts Docker makes, then the image's command
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind -o ro /sys "$root/sys"
    mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
    for device in null zero random urandom; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mount -o remount,ro "$root/dev"
    mount -o remount,ro,bind "$root"
    as_user "${command[@]}"
}
loopback_up() {
    python3 -c 'import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 0x41))'
}

# Both functions run in namespaces of their own, in a shell that knows nothing else.
export root UID_IN_CONTAINER
setup="$(declare -f as_user start loopback_up); $(declare -p environment command healthcheck)"
bash -euc 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' join "$group" \
    unshare --mount --pid --net --ipc --uts --fork --kill-child \
    bash -euc "$setup; loopback_up; start" >"$work/container.log" 2>&1 &
parent=$!

logs_and_fail() {
    sed 's/^/    /' "$work/container.log" >&2
    fail "$*; the container's log is above"
}
for _ in $(seq 100); do
    process=$(cat "/proc/$parent/task/$parent/children" 2>/dev/null || true)
    process=${process%% *}
    [ -z "$process" ] || break
    sleep 0.1
done
[ -n "$process" ] || logs_and_fail "the container did not start"

inside() { nsenter --target "$process" --net "$@"; }
as_docker_exec() { # runs a command in the container: its root, its user, its memory
    bash -euc 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' join "$group" \
        nsenter --target "$process" --net --mount --pid bash -euc "$setup; as_user \"\$@\"" exec "$@"
}
check_health() { # the image's own HEALTHCHECK
    as_docker_exec "${healthcheck[@]}" >"$work/health.log" 2>&1
}
started=$SECONDS
until check_health; do
    kill -0 "$parent" 2>/dev/null || logs_and_fail "the container ended before it was ready"
    [ $((SECONDS - started)) -lt "$READY_SECONDS" ] || logs_and_fail "not healthy within $READY_SECONDS s: $(tail -n 1 "$work/health.log")"
    sleep 0.5
done
echo "healthy after $((SECONDS - started)) s, says the image's HEALTHCHECK"

# What the kernel says of the process itself.
expect() { # expect FILE PATTERN MEANING
    grep -Eq "$2" "/proc/$process/$1" || logs_and_fail "the container's process is not $3"
    echo "$3"
}
expect status "^Uid:(\s+$UID_IN_CONTAINER){4}$" "user $UID_IN_CONTAINER"
expect cgroup "/${group##*/}$" "limited to $MEMORY_MIB MiB"
expect status '^CapEff:\s0+$' "without capabilities"
expect status '^NoNewPrivs:\s1$' "without a way to new privileges"
writable=$(awk '{ print $5, $6 }' "/proc/$process/mountinfo" | grep -E "^/ " | grep -cv -E '^/ ro(,|$)' || true)
[ "$writable" = 0 ] || logs_and_fail "the container's root is writable"
if nsenter --target "$process" --mount touch "$root/probe" 2>/dev/null; then
    logs_and_fail "root itself could write to the container's root"
fi
echo "its root file system is read-only, to root too"

say "Ask"
# 127.0.0.2 answers only if the service listens on every address, as a published port needs.
inside python3 "$repository/docker/ask.py" http://127.0.0.2:8000 || logs_and_fail "a wrong answer"
check_health || logs_and_fail "no longer healthy after the requests"

say "List of contents"
as_docker_exec python - <"$repository/docker/check_sbom.py" || logs_and_fail "the list in the image is wrong"

say "Stop, with a request on its way"
inside python3 "$repository/docker/ask.py" http://127.0.0.2:8000 --while-stopping "$process" ||
    logs_and_fail "the request that was on its way was not answered"
started=$SECONDS
timeout "$STOP_SECONDS" tail --pid="$parent" -f /dev/null ||
    logs_and_fail "still running $STOP_SECONDS s after SIGTERM"
code=0
wait "$parent" || code=$?
parent=
[ "$code" = 0 ] || logs_and_fail "exit code $code after SIGTERM, not 0"
echo "exit code 0, $((SECONDS - started)) s after the answer"
[ "$(killed)" = 0 ] || logs_and_fail "the kernel killed a process of the container for want of memory"
[ ! -e "$group/$peak" ] || echo "at most $(($(cat "$group/$peak") >> 20)) MiB of $MEMORY_MIB MiB were held"

say "Proved in $SECONDS s"
