"""Pictures are answered and forgotten: nothing reaches a disk, and nobody is told."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.service.live import command

MEBIBYTE = 1024 * 1024


def noise(side: int) -> bytes:
    """Give a picture that no encoder makes small, as PNG."""
    levels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def bytes_to_storage(process: str) -> int:
    """Say how many bytes a process has had written to storage (proc(5), `write_bytes`)."""
    lines = Path(f"/proc/{process}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


def counts_what_is_written(folder: Path) -> bool:
    """Try whether the kernel counts what goes into a folder: it does not where that is memory."""
    if not Path("/proc/self/io").is_file():
        return False
    before = bytes_to_storage("self")
    (folder / "written").write_bytes(bytes(MEBIBYTE))
    (folder / "written").unlink()
    return bytes_to_storage("self") >= before + MEBIBYTE


def test_no_way_of_sending_a_picture_leaves_anything(tiny_bundle, tmp_path, monkeypatch) -> None:
    if not counts_what_is_written(tmp_path):
        pytest.skip(f"what is written into {tmp_path} is not counted in /proc/self/io")
    temporary, home = tmp_path / "temporary", tmp_path / "home"
    for folder in (temporary, home):
        folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    monkeypatch.chdir(home)
    picture = noise(1500)
    assert len(picture) > 6 * MEBIBYTE  # more than what frameworks keep of a body in memory
    encoded = base64.b64encode(picture).decode()
    with (
        command(tiny_bundle.parents[1]) as server,
        httpx.Client(base_url=server.address, timeout=60) as client,
    ):
        before = bytes_to_storage(str(server.process.pid))
        for route in ("/classify", "/explain?format=png", "/trace?tensors=tokens"):
            for body in (
                {"content": picture},
                {"files": {"image": ("secret.png", picture, "image/png")}},
                {"json": {"image": encoded}},
            ):
                assert client.post(route, **body).status_code == 200
        assert client.post("/classify", content=picture[:5000]).status_code == 422
        assert bytes_to_storage(str(server.process.pid)) == before
        held = [str(link.readlink()) for link in Path(f"/proc/{server.process.pid}/fd").iterdir()]
        assert [name for name in held if name.startswith((str(tmp_path), "/tmp"))] == []
        assert [*temporary.iterdir(), *home.iterdir()] == []


@pytest.mark.parametrize("module", ["service.engine", "model.teacher_network"])
def test_onnxruntime_keeps_no_identifier_to_tell_its_maker(module, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    for name in ("HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True, cwd=root)
    assert list(tmp_path.iterdir()) == []
