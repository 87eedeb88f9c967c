"""What the images install is locked: in the ranges of pyproject.toml, complete, by hash."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docker.folder import DOCKER, ROOT
from tests.docker.locks import EXTRAS, REQUIREMENTS, applies, pins, required

LOCKS = sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))
IMAGES = sorted(EXTRAS)
DOCKERFILES = [ROOT / "Dockerfile", *sorted((DOCKER / "images").glob("*.Dockerfile"))]


def test_every_lock_is_known_here() -> None:
    assert sorted([*IMAGES, "build"]) == LOCKS


@pytest.mark.parametrize("lock", IMAGES)
def test_a_lock_satisfies_the_ranges_of_pyproject(lock) -> None:
    for needed in required(lock):
        pin = pins(lock).get(canonicalize_name(needed.name))
        assert pin, f"{needed.name} is not in {lock}.txt; run docker/requirements/lock.sh"
        assert needed.specifier.contains(pin.version), f"{needed} but {lock}.txt has {pin.version}"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_hashes(lock) -> None:
    assert pins(lock)
    for name, pin in pins(lock).items():
        assert pin.hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in pin.hashes), name


@pytest.mark.parametrize("lock", IMAGES)
def test_a_lock_names_what_its_packages_need(lock) -> None:
    """Follow the needs of what is installed here, where it is the version that is locked."""
    followed = 0
    open_ends = required(lock)
    seen: set[str] = set()
    while open_ends:
        needed = open_ends.pop()
        assert canonicalize_name(needed.name) in pins(lock), f"{needed} is not in {lock}.txt"
        if str(needed) in seen or not (found := installed_as_locked(lock, needed.name)):
            continue
        seen.add(str(needed))
        followed += 1
        for line in found.requires or []:
            further = Requirement(line)
            if any(applies(further, extra) for extra in ("", *needed.extras)):
                open_ends.append(further)
    if not followed:
        pytest.skip("none of the locked versions is installed here")


def installed_as_locked(lock: str, name: str) -> Distribution | None:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    return found if found.version == pins(lock)[canonicalize_name(name)].version else None


@pytest.mark.parametrize("lock", [lock for lock in IMAGES if lock != "cpu"])
def test_a_lock_has_the_cpu_images_versions_of_what_it_shares_with_it(lock) -> None:
    shared = pins("cpu").keys() & pins(lock).keys()
    assert "numpy" in shared
    for name in shared:
        assert pins(lock)[name].version == pins("cpu")[name].version, name


def test_the_training_images_have_the_torch_that_the_tests_run_with() -> None:
    (tested,) = re.findall(r"torch==([\d.]+)", (ROOT / "Makefile").read_text())
    assert pins("train")["torch"].version == f"{tested}+cpu"
    assert pins("train-cuda")["torch"].version == tested


def test_only_what_runs_on_nvidia_gpus_carries_nvidias_libraries() -> None:
    carriers = {lock for lock in LOCKS if any(name.startswith("nvidia-") for name in pins(lock))}
    assert carriers == {"gpu", "train-cuda"}


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_says_where_packages_are_fetched_from(lock) -> None:
    text = (REQUIREMENTS / f"{lock}.txt").read_text()
    assert "://" not in text
    assert "index" not in re.sub(r"#.*", "", text)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_an_image_installs_by_hash_or_from_its_own_source(dockerfile) -> None:
    text = re.sub(r"\\\n", " ", dockerfile.read_text())
    commands = re.split(r"\n|&&", text)
    installs = [command for command in commands if "/bin/pip " in command]
    assert len(installs) == 4
    for line in installs:
        assert "--require-hashes" in line or "--no-deps" in line, line
    needed = re.findall(r"docker/requirements/([\w-]+)\.txt", text)
    assert set(needed) <= set(LOCKS)


def test_the_gpu_image_looks_for_cuda_where_the_locked_version_puts_it() -> None:
    (cuda,) = {name[-4:] for name in pins("gpu") if re.search(r"-cu\d\d$", name)}
    path = re.findall(r"LD_LIBRARY_PATH=(\S+)", (ROOT / "Dockerfile").read_text())[0]
    folders = [part.partition("/site-packages/")[2] for part in path.split(":")]
    assert folders == [f"nvidia/{cuda}/lib", "nvidia/cudnn/lib"]
