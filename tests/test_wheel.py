"""The wheel and the sdist: what is in them, that they build to the same bytes, and that they work.

They are built as `make dist` does. The wheel is installed into a fresh environment outside the
checkout, which nothing of this one reaches.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from packaging.metadata import Metadata

from service import __version__
from service.errors import PackageMissing
from tests.service.live import PATIENCE_SECONDS
from tests.service.pictures import draw, encode, write_png

CHECKOUT = Path(__file__).parents[1]
PACKAGES = ("service", "model")
BESIDE_THEM = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore")
EPOCH = "1700000000"
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")

pytestmark = [
    pytest.mark.skipif(
        not find_spec("build"), reason="needs build and hatchling, as the extra dev has them"
    ),
    pytest.mark.usefixtures("untraced_processes"),
]


def build(tree: Path, output: Path, *parts: str) -> Path:
    """Build distributions of a tree; without `parts` an sdist, and a wheel from that."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", output, *parts, tree],
        env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
        cwd=output.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the sdist of this checkout, and the wheel that is built from the sdist."""
    return build(CHECKOUT, tmp_path_factory.mktemp("built") / "dist")


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory) -> Path:
    """The same from a copy elsewhere, later and with other modes; the wheel from its tree."""
    copy = tmp_path_factory.mktemp("rebuilt") / "copy"
    copy.mkdir()
    for package in PACKAGES:
        shutil.copytree(CHECKOUT / package, copy / package, copy_function=shutil.copyfile)
    for file in BESIDE_THEM:
        shutil.copyfile(CHECKOUT / file, copy / file)
    for path in copy.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return build(copy, copy.parent / "dist", "--sdist", "--wheel")


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


def shipped_files() -> set[str]:
    """Name every file of both packages, as the checkout has them."""
    return {
        str(path.relative_to(CHECKOUT))
        for package in PACKAGES
        for path in (CHECKOUT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_a_second_build_elsewhere_gives_the_same_bytes(built: Path, rebuilt: Path, kind) -> None:
    (first,), (second,) = built.glob(kind), rebuilt.glob(kind)
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_the_wheel_holds_both_packages_the_licence_and_nothing_else(wheel: Path) -> None:
    about = f"vitrine-{__version__}.dist-info"
    told = {
        f"{about}/{name}"
        for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    }
    with zipfile.ZipFile(wheel) as archive:
        assert set(archive.namelist()) == shipped_files() | told
        licence = archive.read(f"{about}/licenses/LICENSE")
    assert licence == (CHECKOUT / "LICENSE").read_bytes()


def test_the_sdist_holds_what_the_wheel_is_built_from_and_nothing_else(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    root = sdist.name.removesuffix(".tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.removeprefix(f"{root}/") for name in archive.getnames()}
    assert names == shipped_files() | {*BESIDE_THEM, "PKG-INFO"}


def test_the_metadata_are_valid_and_name_licence_python_and_extras(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        told = archive.read(f"vitrine-{__version__}.dist-info/METADATA")
    metadata = Metadata.from_email(told, validate=True)
    assert str(metadata.version) == __version__
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.license_files == ["LICENSE"]
    assert str(metadata.requires_python) == ">=3.11"
    assert {"cpu", "gpu", "train", "otel", "bulk", "ray"} <= set(metadata.provides_extra or [])
    assert metadata.description_content_type == "text/markdown"


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory) -> Path:
    """The commands of a fresh environment into which the wheel was installed with `cpu`."""
    asked = subprocess.run(
        [*PIP, "download", "--quiet", "--no-deps", "--retries=0", "--timeout=10", "flatbuffers"],
        cwd=tmp_path_factory.mktemp("asked"),
        capture_output=True,
        text=True,
    )
    if asked.returncode != 0:
        pytest.skip(f"no package registry can be reached: {asked.stderr.strip()[-200:]}")
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    commands = folder / "bin"
    installed = subprocess.run(
        [*PIP, "--python", commands / "python", "install", "--no-compile", f"{wheel}[cpu]"],
        capture_output=True,
        text=True,
    )
    assert installed.returncode == 0, installed.stderr
    return commands


def run(environment: Path, *command: object) -> subprocess.CompletedProcess[str]:
    """Run an installed command in its environment's folder, unaware of this checkout."""
    name, *arguments = map(str, command)
    return subprocess.run(
        [environment / name, *arguments],
        env=apart(),
        cwd=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def apart() -> dict[str, str]:
    """Give this process's environment without what would lead to this checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@pytest.mark.parametrize("command", ["vitrine", "vitrine-model"])
def test_the_installed_commands_tell_their_version(environment: Path, command: str) -> None:
    ended = run(environment, command, "--version")
    assert (ended.returncode, ended.stdout) == (0, f"{command} {__version__}\n"), ended.stderr


def test_the_installed_package_lies_in_its_environment(environment: Path) -> None:
    ended = run(environment, "python", "-c", "import service; print(service.__file__)")
    assert ended.stdout.startswith(str(environment.parent)), ended.stderr


def test_the_installed_command_classifies_a_picture(environment: Path, tmp_path: Path) -> None:
    ended = run(environment, "vitrine", "classify", write_png(tmp_path / "picture.png"))
    assert ended.returncode == 0, ended.stderr
    assert len(re.findall(r"^ +\d+\.\d\d%  \w+$", ended.stdout, re.MULTILINE)) == 5


def test_the_installed_command_shows_the_embedded_bundle(environment: Path) -> None:
    ended = run(environment, "vitrine", "inspect")
    contract = CHECKOUT / "service" / "bundles" / "cifar10" / "1" / "contract.json"
    assert ended.stdout == contract.read_text(), ended.stderr


def test_without_torch_the_maker_says_what_to_install(environment: Path) -> None:
    ended = run(environment, "vitrine-model", "random", "Ti", "-o", environment)
    assert ended.returncode == PackageMissing.exit_code
    assert ended.stderr == (
        "vitrine-model: Package missing: torch is not installed; run pip install 'vitrine[train]'\n"
    )


def test_without_the_engine_the_command_says_what_to_install(environment: Path) -> None:
    code = "import sys; sys.modules['onnxruntime'] = None; from {}.entry import main; main()"
    for command, package in (("vitrine", "service"), ("vitrine-model", "model")):
        ended = run(environment, "python", "-c", code.format(package))
        assert ended.returncode == PackageMissing.exit_code
        assert ended.stderr == (
            f"{command}: Package missing: onnxruntime is not installed; "
            "run pip install 'vitrine[cpu]', or 'vitrine[gpu]' for an NVIDIA GPU\n"
        )


@pytest.fixture(scope="module")
def served(environment: Path) -> Iterator[httpx.Client]:
    """The embedded model, served from the environment as its users do."""
    command = [environment / "vitrine", "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=apart(), cwd=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        lines = iter(server.stdout.readline, "")
        address = next(line.split()[1].rstrip("/") for line in lines if "page" in line)
        with httpx.Client(base_url=address, timeout=PATIENCE_SECONDS) as client:
            yield client
        server.terminate()
    assert server.returncode == 0


def test_the_installed_service_classifies_and_explains(served: httpx.Client) -> None:
    picture = encode(draw())
    assert len(served.post("/classify", content=picture).json()["predictions"]) == 5
    for method in served.get("/explain/methods").json():
        answer = served.post("/explain", params={"method": method["name"]}, content=picture)
        assert answer.status_code == 200, answer.text
    traced = served.post("/trace", params={"tensors": "logits"}, content=picture)
    assert traced.status_code == 200, traced.text


def test_the_installed_service_gives_every_file_of_its_pages(served: httpx.Client) -> None:
    web = CHECKOUT / "service" / "web"
    files = [path for path in web.rglob("*") if path.is_file()]
    assert len(files) > 100
    for path in files:
        answer = served.get(f"/web/{path.relative_to(web)}")
        assert answer.content == path.read_bytes(), path
    assert served.get("/").content == (web / "index.html").read_bytes()
    assert served.get("/guide").content == (web / "guide.html").read_bytes()
