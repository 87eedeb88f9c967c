"""Accuracy against images a second: what is measured, which points stand out, and the drawing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from model.cli import main
from model.front import Front, Point, Speed, Spread, measure_front
from model.front_drawing import Axis, Box, draw_front

SVG = "{http://www.w3.org/2000/svg}"


def point(name: str, precision: str, top1: float | None, speed: float) -> Point:
    one, cost = Spread(1.0, 0.9, 1.1), 2 * 1000 / speed  # in milliseconds of each of two CPUs
    costs = Spread(cost, 0.9 * cost, 1.1 * cost)
    return Point(name, "1", precision, top1, dict.fromkeys((1, 8), Speed(one, costs, one, one)))


def front(*points: Point) -> Front:
    return Front("a <small> CPU", 2, 3, "test", 10_000, points)


SLOW = point("slow", "fp32", 0.84, 500)
FAST = point("fast", "int8", 0.83, 1000)
BEATEN = point("beaten", "fp32", 0.83, 600)


@pytest.fixture(scope="module")
def measured(tiny_bundle: Path, quantized_bundles: Path, sure_pictures: Path) -> Front:
    folders = [tiny_bundle, quantized_bundles / "tiny" / "1"]
    return measure_front(folders, [str(sure_pictures)], rounds=2, seconds=0.01)


def test_every_bundle_is_measured_in_every_number_format(measured) -> None:
    assert [one.name for one in measured.points] == ["tiny 1 fp32", "tiny 1 fp32", "tiny 1 int8"]
    assert [one.top1 for one in measured.points] == [1, 1, 1]
    assert (measured.part, measured.images) == ("test", 40)


def test_speeds_are_of_one_image_and_of_batches_and_compare_with_the_first(measured) -> None:
    for one in measured.points:
        assert list(one.speeds) == [1, 8]
        for speed in one.speeds.values():
            assert 0 < speed.images_per_second.low <= speed.images_per_second.high
            assert speed.cpu_milliseconds.low > 0
    first = measured.points[0].speeds[8]
    assert (first.times_images.low, first.times_cpu.high) == (1, 1)


def test_half_precision_is_left_out_as_a_cpu_does_not_compute_in_it(
    tiny_bundle, tmp_path, sure_pictures
) -> None:
    from model.quantize import quantize

    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "tiny" / "1"))
    quantize(folder, [str(sure_pictures)], precision="fp16", images_at_least=40)
    found = measure_front([folder], rounds=1, seconds=0.001)
    assert [one.precision for one in found.points] == ["fp32"]


def test_what_is_neither_as_accurate_nor_as_fast_as_another_is_not_best() -> None:
    found = front(SLOW, FAST, BEATEN)
    assert [found.is_best(one) for one in found.points] == [True, True, False]
    twin = point("twin", "fp32", 0.84, 500)
    assert front(SLOW, twin).is_best(SLOW)


def test_the_table_has_a_row_for_every_point(measured) -> None:
    lines = measured.report().splitlines()
    assert len(lines) == 2 + 3
    assert lines[4].startswith("| tiny 1 | int8 | 100.00% |")
    assert len({line.count("|") for line in lines}) == 1


def test_the_drawing_is_svg_with_every_point_named_and_told() -> None:
    root = ElementTree.fromstring(draw_front(front(SLOW, FAST, BEATEN)))
    texts = [one.text or "" for one in root.iter(f"{SVG}text")]
    assert {"slow 1 fp32", "fast 1 int8", "beaten 1 fp32"} <= set(texts)
    assert any("a <small> CPU" in text for text in texts)
    told = root.find(f"{SVG}desc").text
    assert "fast 1 int8: 83.00 % at 1000 images a second, on the front" in told
    assert "beaten 1 fp32: 83.00 % at 600 images a second" in told
    marks = [one.get("class") for one in root.iter() if one.get("stroke-width")]
    assert marks == ["fp32 best", "int8 best", "fp32"]


def test_more_images_a_second_lie_further_right_and_more_accuracy_higher() -> None:
    root = ElementTree.fromstring(draw_front(front(SLOW, BEATEN)))
    slow, beaten = root.iter(f"{SVG}circle")
    assert float(slow.get("cx")) < float(beaten.get("cx"))
    assert float(slow.get("cy")) < float(beaten.get("cy"))


def test_names_of_points_that_lie_close_do_not_cover_each_other() -> None:
    close = [point(f"model-{n}", "fp32", 0.83 + n / 10_000, 800 + 5 * n) for n in range(6)]
    root = ElementTree.fromstring(draw_front(front(*close)))
    texts = [one for one in root.iter(f"{SVG}text") if (one.text or "").startswith("model-")]
    boxes = [
        Box(float(one.get("x")), float(one.get("y")) - 12, 6.6 * len(one.text), 16) for one in texts
    ]
    assert len(boxes) == 6
    assert not any(a.meets(b) for n, a in enumerate(boxes) for b in boxes[:n])


def test_a_single_point_is_drawn_too() -> None:
    assert "slow 1 fp32" in draw_front(front(SLOW))


def test_ticks_are_round_and_cover_the_values() -> None:
    axis = Axis.over([83.1, 84.3], 0, 100)
    assert axis.ticks[0] <= 83.1
    assert axis.ticks[-1] >= 84
    assert axis.step in (0.2, 0.5)
    assert 0 <= axis.place(83.1) < axis.place(84.3) <= 100


def test_the_command_prints_a_table_or_json_and_draws(
    tiny_bundle, sure_pictures, tmp_path, capsys
) -> None:
    quick = "--rounds 1 --seconds 0.001"
    main(f"front {tiny_bundle} {quick}".split())
    assert "| tiny 1 | fp32 |  |" in capsys.readouterr().out
    drawn = tmp_path / "front.svg"
    main(f"front {tiny_bundle} --data {sure_pictures} {quick} --json -o {drawn}".split())
    found = json.loads(capsys.readouterr().out)
    assert found["points"][0]["top1"] == 1
    assert "tiny 1 fp32" in drawn.read_text()


def test_a_drawing_without_pictures_is_refused(tiny_bundle, tmp_path, capsys) -> None:
    with pytest.raises(SystemExit):
        main(f"front {tiny_bundle} -o {tmp_path / 'front.svg'}".split())
    assert "give --data too" in capsys.readouterr().err
