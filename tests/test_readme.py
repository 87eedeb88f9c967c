"""What the README and the documents of protocols and traces promise, run as it stands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

README = Path(__file__).parents[1] / "README.md"
PROTOCOLS = README.parent / "docs" / "protocols.md"
TRACES = README.parent / "docs" / "trace.md"
TEXT = README.read_text() + PROTOCOLS.read_text() + TRACES.read_text()
BLOCKS = re.findall(r"^```bash\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
PYTHON_BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
SCRIPT_BLOCKS = re.findall(r"^```javascript\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
TRAINING = "vitrine-model train"

pytestmark = [
    pytest.mark.skipif(
        not (shutil.which("curl") and shutil.which("bash")), reason="needs curl and bash"
    ),
    pytest.mark.usefixtures("untraced_processes"),
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the README takes for granted: a cat.jpg, a dog.jpg, and pictures."""
    folder = tmp_path_factory.mktemp("desk")
    _draw("orange").save(folder / "cat.jpg")
    _draw("brown").save(folder / "dog.jpg")
    for part, count in (("train", 12), ("validation", 4), ("test", 4)):
        for label, color in (("cat", "orange"), ("dog", "brown")):
            target = folder / "pictures" / part / label
            target.mkdir(parents=True)
            for index in range(count):
                _draw(color, index).save(target / f"{index}.jpg")
    return folder


def _draw(color: str, seed: int = 0) -> Image.Image:
    levels = np.random.default_rng(seed).integers(150, 255, (96, 128, 3)).astype(np.uint8)
    picture = Image.fromarray(levels)
    ImageDraw.Draw(picture).ellipse((30, 20, 90, 80), fill=color)
    return picture


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The embedded model, served as `make serve` does."""
    command = [Path(sys.executable).parent / "vitrine", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        lines = iter(server.stdout.readline, "")
        yield next(line.split()[1].rstrip("/") for line in lines if "page" in line)
        server.terminate()


def _run(block: str, desk: Path) -> subprocess.CompletedProcess[str]:
    scripts = Path(sys.executable).parent
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=desk,
        env={**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if TRAINING not in block], ids=lambda block: block[:50]
)
def test_a_shell_block_runs_as_it_stands(block: str, desk: Path, address: str) -> None:
    served = block.replace("localhost:8000", address.removeprefix("http://"))
    done = _run(served.replace("curl ", "curl --fail --silent --show-error "), desk)
    assert done.returncode == 0, done.stderr
    for written in re.findall(r"> (\S+\.png)", block):
        with Image.open(desk / written) as picture:
            assert picture.format == "PNG"


@pytest.mark.parametrize("block", PYTHON_BLOCKS, ids=lambda block: block[:50])
def test_a_python_block_runs_as_it_stands(block: str, desk: Path, address: str) -> None:
    served = block.replace("localhost:8000", address.removeprefix("http://"))
    done = subprocess.run([sys.executable, "-c", served], cwd=desk, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
@pytest.mark.parametrize("block", SCRIPT_BLOCKS, ids=lambda block: block[:50])
def test_a_javascript_block_runs_as_it_stands(block: str, desk: Path, address: str) -> None:
    served = block.replace("localhost:8000", address.removeprefix("http://"))
    command = ["node", "--input-type=module", "--eval", served]
    done = subprocess.run(command, cwd=desk, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_training_exporting_and_evaluating_run_as_they_stand(desk: Path) -> None:
    (block,) = [block for block in BLOCKS if TRAINING in block]
    # Few blocks, since the export takes long for each.
    commands = block.replace("--budget-minutes 30", "--budget-minutes 0.1 --depth 1")
    commands = commands.replace("vitrine serve", "vitrine doctor")  # which opens it as serve does
    done = _run(commands, desk)
    assert done.returncode == 0, done.stderr
    assert "top-1" in done.stdout
    assert "pets 1: digests and golden replay hold" in done.stdout


def test_the_picture_of_how_it_works_is_there() -> None:
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target
