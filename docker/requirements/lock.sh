#!/usr/bin/env bash
# Locks what the images install: one version of each package and the hashes of its wheels, for
# CPython 3.11 on Linux x86_64. Versions that are locked stay, unless --upgrade is given.
#
#   pip install uv
#   docker/requirements/lock.sh [--upgrade] [--find-links TORCH]
#
# TORCH is a folder with torch's CPU wheel or a page that links to it: PyTorch's own index has it.
# Without it, train.txt is left as it is. No address of a registry is written into a lock.
set -euo pipefail
cd "$(dirname "$0")/../.."

TORCH=2.13.0 # the version that the tests run with, as in the Makefile
locks=docker/requirements
export UV_CUSTOM_COMPILE_COMMAND=docker/requirements/lock.sh

upgrade=()
torch_links=
while [ $# -gt 0 ]; do
    case $1 in
        --upgrade) upgrade=(--upgrade) ;;
        --find-links)
            torch_links=${2:?"--find-links needs a folder or an address"}
            shift
            ;;
        *)
            echo "lock.sh: unknown argument $1; usage: lock.sh [--upgrade] [--find-links TORCH]" >&2
            exit 2
            ;;
    esac
    shift
done

lock() { # lock NAME ARGUMENT...: a line of standard input is one more requirement
    local name=$1
    shift
    uv pip compile - "$@" "${upgrade[@]}" --quiet --no-config --generate-hashes --only-binary :all: \
        --python-version 3.11 --python-platform x86_64-manylinux_2_36 --output-file "$locks/$name.txt"
    echo "$locks/$name.txt"
}
# Whatever an image adds, it has the CPU image's versions of all that it shares with it.
shared=(--constraints "$locks/cpu.txt")

lock build <<<$'hatchling\ncyclonedx-bom'
lock cpu pyproject.toml --extra cpu </dev/null
lock otel pyproject.toml --extra otel "${shared[@]}" </dev/null
lock bulk pyproject.toml --extra bulk "${shared[@]}" </dev/null
lock ray pyproject.toml --extra ray "${shared[@]}" </dev/null
lock gpu pyproject.toml --extra gpu "${shared[@]}" <<<'onnxruntime-gpu[cuda,cudnn]'
lock train-cuda pyproject.toml --extra cpu --extra train "${shared[@]}" <<<"torch==$TORCH"
[ -z "$torch_links" ] ||
    lock train pyproject.toml --extra cpu --extra train "${shared[@]}" --find-links "$torch_links" <<<"torch==$TORCH+cpu"
