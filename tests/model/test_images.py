"""Images are what the service sees, in memory or streamed, and broken ones are left out."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from model.images import DecodedImages, StreamedImages, read_images, read_training_images
from model.sources import DataError
from tests.model.reading import FITTING, GIB, decoded, read, zipped
from tests.model.shapes import draw_shape
from tests.untraced import untraced

# broken pictures


def test_broken_pictures_are_counted_named_and_left_out(shapes, caplog):
    for number in range(12):
        (shapes / "train" / "red" / f"{number:03}.png").write_bytes(b"not a picture")
    data = read(shapes)
    with caplog.at_level(logging.WARNING):
        images = decoded(data.train, data.labels)
    assert len(images) == 120 - 12
    assert len(caplog.records) == 1
    message = caplog.records[0].getMessage()
    assert "left out 12 broken of 120" in message
    assert str(shapes / "train" / "red" / "000.png") in message
    assert message.endswith("and 2 more")


def test_a_class_of_which_every_picture_is_broken_stops(shapes):
    for path in (shapes / "train" / "red").iterdir():
        path.write_bytes(path.read_bytes()[:60])
    data = read(shapes)
    with pytest.raises(DataError, match="every picture of red is broken"):
        decoded(data.train, data.labels)


# pixels


def test_pictures_are_resized_and_cropped_as_the_service_does(tmp_path):
    folder = tmp_path / "wide"
    for label, left in (("dark", 0), ("light", 200)):
        target = folder / "train" / label
        target.mkdir(parents=True)
        for number in range(2):
            levels = np.full((20, 60, 3), 255, dtype=np.uint8)
            levels[:, 20:40] = left  # the centre crop sees this alone
            Image.fromarray(levels).save(target / f"{number}.png")
    data = read(folder, share=0.5)
    images = decoded(data.train, data.labels).images
    assert images.shape == (2, 3, 16, 16)
    assert images[0, :, 4:-4, 4:-4].max() == 0
    assert images[1, :, 4:-4, 4:-4].float().mean() == pytest.approx(200, abs=1)


def test_mean_and_deviation_are_measured_on_the_training_images(shapes):
    images = read_training_images(read(shapes), 16, seed=0, max_bytes=GIB, workers=0)
    assert isinstance(images.train, DecodedImages)
    levels = images.train.images.float() / 255
    assert images.preprocessing.mean == pytest.approx(levels.mean((0, 2, 3)).tolist(), abs=1e-4)
    assert images.preprocessing.std == pytest.approx(levels.std((0, 2, 3)).tolist(), abs=1e-4)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_images_beyond_the_memory_limit_stream_from_disk_alike(shapes, tmp_path, workers):
    data = read(zipped(shapes, tmp_path / "shapes.zip"))
    held = decoded(data.train, data.labels)
    streamed = read_images(data.train, data.labels, FITTING, 1000, workers)
    assert isinstance(streamed, StreamedImages)
    order = torch.split(torch.randperm(120), 50)
    pairs = zip(held.batches(order), streamed.batches(order), strict=True)
    for (images, targets), (streamed_images, streamed_targets) in pairs:
        assert torch.equal(images, streamed_images)
        assert torch.equal(targets, streamed_targets)


# larger than memory


@pytest.fixture
def many_pictures(tmp_path) -> Path:
    """2,000 pictures that take 300 MB when they are decoded at 224 pixels."""
    folder = tmp_path / "many"
    for colour in ("red", "blue"):
        (folder / "train" / colour).mkdir(parents=True)
        draw_shape(colour, 1, side=224).save(tmp_path / f"{colour}.jpg")
        for number in range(1000):
            os.link(tmp_path / f"{colour}.jpg", folder / "train" / colour / f"{number}.jpg")
    return folder


def peak_bytes(config) -> int:
    """Train in a process of its own and give the most memory that it took."""
    program = (
        "import re, sys; from pathlib import Path; from model.train import train; "
        "from model.training_config import TrainingConfig; "
        "train(TrainingConfig.model_validate_json(sys.argv[1])); "
        "status = Path('/proc/self/status').read_text(); "  # getrusage would tell the parent's too
        "print(1024 * int(re.search(r'VmHWM:\\s*(\\d+) kB', status)[1]))"
    )
    environment = {**untraced(), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program, config.model_dump_json()],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peaks are read in /proc")
def test_a_data_set_larger_than_memory_is_trained_on_in_little_memory(
    tiny_config, many_pictures, tmp_path
):
    changes = {"data": (str(many_pictures),), "image_size": 224, "patch_size": 56, "epochs": 1}
    held, streamed = (
        peak_bytes(
            tiny_config(run=tmp_path / name, memory_gib=memory_gib, batch_size=50, **changes)
        )
        for name, memory_gib in (("held", 4.0), ("streamed", 0.05))
    )
    assert held - streamed > 200e6
