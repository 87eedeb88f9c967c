"""Training learns, records, and resumes to the same weights."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from rich.console import Console

from model.accelerator import check_device
from model.checkpoint import load_checkpoint
from model.position import STATE_FILE, load_state, save_state
from model.reporter import Reporter, clock
from model.train import train
from model.training import Training
from service.errors import InvalidInput
from tests.model.trainings import (
    assert_same,
    assert_same_end,
    command,
    environment,
    weights,
)

# learning and recording


def test_it_learns_to_tell_the_colours_of_shapes(tiny_config):
    run = train(tiny_config(epochs=12, batch_size=24, learning_rate=3e-3))
    history = load_checkpoint(run).provenance["history"]
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert history[-1]["validation_accuracy"] >= 0.9


def test_the_record_says_how_to_do_it_again(tiny_config):
    config = tiny_config(recipe="colours", epochs=2)
    checkpoint = load_checkpoint(train(config))
    provenance = checkpoint.provenance
    assert checkpoint.labels == ("blue", "green", "red")
    assert provenance["config"] == config.model_dump(mode="json")
    assert provenance["dataset"] == "shapes"
    assert (provenance["dataset_images"], provenance["images_seen"]) == (120, 240)
    assert (provenance["recipe"], provenance["seed"], provenance["epochs"]) == ("colours", 0, 2)
    assert provenance["wall_seconds"] > 0
    assert "cores" in provenance["machine"]
    assert provenance["command"].startswith("python")
    assert provenance["commit"]
    assert list(provenance["history"][0]) == [
        "epoch",
        "loss",
        "validation_accuracy",
        "validation_loss",
        "learning_rate",
        "images_per_second",
        "seconds",
    ]


def test_curves_are_written_for_tensorboard_and_as_csv(tiny_config):
    run = train(tiny_config(epochs=2))
    rows = list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1.0", "2.0"]
    assert list((run / "tensorboard").glob("events.*"))


def test_every_option_trains_together(tiny_config):
    run = train(
        tiny_config(
            epochs=1,
            optimizer="adamw",
            decay="linear",
            registers=2,
            pooling="mean",
            layer_scale=0.1,
            drop_path=0.2,
            initialization="truncated_normal",
            policy="trivial_augment",
            erasing=0.3,
            mixup=0.2,
            cutmix=0.5,
            threads=1,
            memory_gib=1e-6,
            patch_drop=[{"start": 0.0, "patch_drop": 0.5}, {"start": 0.5, "patch_drop": 0.2}],
        )
    )
    assert load_checkpoint(run).provenance["epochs"] == 1


def test_a_batch_larger_than_the_data_is_all_of_it(tiny_config):
    provenance = load_checkpoint(train(tiny_config(epochs=3, batch_size=4096))).provenance
    assert provenance["images_seen"] == 3 * 120


def test_with_a_budget_it_ends_in_time(tiny_config):
    seconds = 1.5
    config = tiny_config(epochs=10_000, budget_minutes=seconds / 60)
    provenance = load_checkpoint(train(config)).provenance
    assert seconds <= provenance["wall_seconds"] < seconds + 5
    assert provenance["history"][-1]["learning_rate"] < 0.02


# errors


def test_another_configuration_does_not_touch_the_run_folder(tiny_config):
    run = train(tiny_config(epochs=1))
    before = weights(run)
    with pytest.raises(InvalidInput, match="seed was 0 and is 1"):
        train(tiny_config(epochs=1, seed=1))
    assert_same(before, weights(run))


def test_float16_without_a_gpu_is_refused(tiny_config):
    with pytest.raises(InvalidInput, match="precision fp16 needs a GPU"):
        check_device(tiny_config(precision="fp16"), torch.device("cpu"))
    check_device(tiny_config(precision="fp16"), torch.device("cuda"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 18}, "not a multiple of patch_size"),
        ({"heads": 5}, "does not split into 5 heads"),
        ({"shift": 16}, "shift 16 is not below image_size 16"),
        ({"patch_drop": [{"start": 0.5, "patch_drop": 0.1}] * 2}, "order the phases"),
        ({"learning_rat": 1.0}, "Extra inputs"),
    ],
)
def test_a_configuration_that_does_not_fit_together_is_refused(tiny_config, changes, message):
    with pytest.raises(ValidationError, match=message):
        tiny_config(**changes)


def test_every_field_is_described(tiny_config):
    fields = type(tiny_config()).model_fields
    assert all(field.description for field in fields.values())


# resuming


def test_killed_in_the_middle_of_an_epoch_it_resumes_to_the_same_weights(tiny_config, tmp_path):
    changes = {
        "epochs": 6,
        "checkpoint_steps": 3,  # of 5 in an epoch
        "patch_drop": [{"start": 0.0, "patch_drop": 0.5}],
        "drop_path": 0.1,
        "mixup": 0.2,
        "depth": 4,
        "width": 96,
        "batch_size": 24,
    }
    whole = tiny_config(run=tmp_path / "whole", **changes)
    killed = tiny_config(run=tmp_path / "killed", **changes)
    state = killed.run / STATE_FILE
    process = subprocess.Popen(command(killed), env=environment(), stderr=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while not state.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    stopped = load_state(killed.run)
    assert stopped is not None
    assert stopped[1].step < 30
    assert not stopped[1].done

    train(killed)
    train(whole)
    position, other_position = assert_same_end(whole.run, killed.run)
    assert position.step == other_position.step == 30
    losses = [[row["loss"] for row in each.history] for each in (position, other_position)]
    assert losses[0] == losses[1]
    assert other_position.wall_seconds > stopped[1].wall_seconds


@pytest.mark.parametrize("workers", [0, 2])
def test_a_training_from_disk_visits_all_in_another_order_each_epoch_and_resumes_in_it(
    tiny_config, tmp_path, monkeypatch, workers
):
    streamed = {"memory_gib": 1e-6, "workers": workers, "checkpoint_steps": 1, "epochs": 3}
    whole = tiny_config(run=tmp_path / "whole", **streamed)
    broken_off = tiny_config(run=tmp_path / "broken-off", **streamed)
    visited: dict[Path, list[bytes]] = {whole.run: [], broken_off.run: []}
    step = Training.step

    def seen(training, images, *others):
        visited[training.config.run].extend(image.numpy().tobytes() for image in images)
        step(training, images, *others)
        if training.config is broken_off and training.position.step == stop:
            training.save()
            raise KeyboardInterrupt

    monkeypatch.setattr(Training, "step", seen)
    stop = 7  # of 15: in the middle of the second epoch
    train(whole)
    with pytest.raises(KeyboardInterrupt):
        train(broken_off)
    stop = None
    train(broken_off)
    epochs = [visited[whole.run][start : start + 120] for start in (0, 120, 240)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(epochs[2])
    assert epochs[0] != epochs[1] != epochs[2]
    assert visited[broken_off.run] == visited[whole.run]
    assert_same(weights(whole.run), weights(broken_off.run))


def test_a_finished_training_is_left_as_it_is(tiny_config):
    config = tiny_config(epochs=1)
    run = train(config)
    before = (run / "checkpoint.json").read_bytes()
    assert train(config) == run
    assert (run / "checkpoint.json").read_bytes() == before


def test_a_training_whose_random_numbers_were_drawn_otherwise_is_not_gone_on_with(tiny_config):
    run = train(tiny_config(epochs=1))
    tensors, position = load_state(run)
    save_state(run, tensors, replace(position, random_numbers=1))
    with pytest.raises(InvalidInput, match="random numbers were drawn in way 1"):
        train(tiny_config(epochs=1))


# what is shown


def reporter_on(run: Path, terminal: bool) -> tuple[Reporter, io.StringIO]:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=terminal, width=200, highlight=False)
    return Reporter(run, first_step=0, console=console), shown


STEPS = {"loss": 1.5, "accuracy": 0.25, "images_per_second": 310.0, "seconds_left": 3725.0}


@pytest.mark.parametrize("terminal", [True, False])
def test_loss_accuracy_speed_and_time_left_are_shown(tmp_path, terminal):
    reporter, shown = reporter_on(tmp_path, terminal)
    with reporter:
        reporter.steps(20, 0.5, **STEPS)
    for part in ("loss 1.5000", "accuracy 0.250", "310 images/s", "1:02:05 left", "50"):
        assert part in shown.getvalue()


def test_without_a_terminal_there_are_plain_lines(tmp_path):
    reporter, shown = reporter_on(tmp_path, terminal=False)
    with reporter:
        reporter.steps(20, 0.5, **STEPS)
        reporter.steps(40, 1.0, **STEPS)
    assert "\x1b" not in shown.getvalue()
    assert len(shown.getvalue().splitlines()) == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00"), (59.6, "0:01:00"), (7261, "2:01:01")]
)
def test_a_clock_reads_hours_minutes_seconds(seconds, text):
    assert clock(seconds) == text


def test_the_configuration_survives_json(tiny_config):
    config = tiny_config(patch_drop=[{"start": 0.0, "patch_drop": 0.5}])
    again = type(config).model_validate(json.loads(config.model_dump_json()))
    assert again == config
