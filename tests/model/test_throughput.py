"""Throughput is measured of every way to load, in turns with the model, and changes nothing."""

from __future__ import annotations

import json
import time

import pytest

from model import train
from model.cli import main
from model.sources import Picture
from model.throughput import measure_throughput, some_of_every_class

WAYS = [
    "from memory",
    "from disk by a thread",
    "from disk by 1 process",
    "from disk by 2 processes",
]


def test_every_way_to_load_is_held_against_the_model(tiny_config):
    config = tiny_config(patch_drop=[{"start": 0.0, "patch_drop": 0.5}], mixup=0.2)
    measured = measure_throughput(config, images=50, seconds=0.05, rounds=2)
    assert [each.name for each in measured.loading] == WAYS
    assert measured.model_images_per_second > 0
    assert all(each.images_per_second > 0 and each.ratio > 0 for each in measured.loading)
    assert not config.run.exists()
    report = measured.report()
    assert all(name in report for name in ("the model learns", *WAYS))


def test_loading_that_is_slow_shows(tiny_config, monkeypatch):
    read = train.read_training_data

    def slow(*arguments):
        data = read(*arguments)
        for picture in data.train:
            decode = picture.decode
            object.__setattr__(
                picture, "decode", lambda size, decode=decode: (time.sleep(0.01), decode(size))[1]
            )
        return data

    monkeypatch.setattr(train, "read_training_data", slow)
    measured = measure_throughput(tiny_config(), images=30, seconds=0.1, rounds=1, workers=(0,))
    held, streamed = measured.loading
    assert streamed.images_per_second < 100  # 10 ms each
    assert held.images_per_second > 2 * streamed.images_per_second
    assert streamed.ratio == pytest.approx(
        streamed.images_per_second / measured.model_images_per_second
    )


def test_the_command_prints_json(shapes, tmp_path, capsys):
    size = ["--image-size", "16", "--patch-size", "4", "--width", "24", "--heads", "2"]
    few = ["--batch-size", "24", "--images", "48", "--seconds", "0.02", "--rounds", "1"]
    more = ["--shift", "2", "--loading", "0", "--json"]
    main(["throughput", "--data", str(shapes), *size, *few, *more])
    printed = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in printed["loading"]] == WAYS[:2]


def test_a_choice_of_pictures_has_every_class():
    pictures = [Picture(str(number), "many", lambda size: None) for number in range(50)]  # type: ignore[arg-type]
    pictures.append(Picture("alone", "few", lambda size: None))  # type: ignore[arg-type]
    for seed in range(5):
        chosen = some_of_every_class(pictures, 5, seed)
        assert {picture.label for picture in chosen} == {"many", "few"}
        assert len(chosen) in {5, 6}
