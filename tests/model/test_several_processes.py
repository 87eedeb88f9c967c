"""Training in several processes learns what one learns, stops with any of them, and writes once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch

from model.position import STATE_FILE, load_state
from model.train import train
from tests.model.trainings import TRAIN, assert_same, command, environment, torchrun, weights

RECIPE = {  # all that is drawn at random in a training
    "flip": True,
    "shift": 2,
    "policy": "trivial_augment",
    "erasing": 0.25,
    "mixup": 0.2,
    "cutmix": 0.5,
    "depth": 3,
    "drop_path": 0.2,
    "patch_drop": [{"start": 0.0, "patch_drop": 0.5}, {"start": 0.8, "patch_drop": 0.0}],
}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_two_processes_learn_what_one_learns(tiny_config, tmp_path, optimizer):
    changes = {**RECIPE, "optimizer": optimizer, "epochs": 10, "decay": "linear"}
    losses = []
    for launcher in ((sys.executable,), torchrun(2)):
        name = f"of-{len(launcher)}"
        config = tiny_config(run=tmp_path / name, **changes).model_dump_json()
        output = tmp_path / f"{name}.json"
        told = [*launcher, "-m", "tests.model.losses", config, str(output)]
        done = subprocess.run(told, env=environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        losses.append(json.loads(output.read_text()))
    assert len(losses[0]) == 50
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    assert losses[0][-1] < losses[0][0]


def children(process: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=True
    )
    return [int(line) for line in listed.stdout.split()]


def test_with_one_of_two_processes_killed_it_stops_and_resumes_to_the_same_weights(
    tiny_config, tmp_path
):
    changes = {**RECIPE, "epochs": 6, "checkpoint_steps": 3, "depth": 4, "width": 96}
    whole = tiny_config(run=tmp_path / "whole", **changes)
    killed = tiny_config(run=tmp_path / "killed", **changes)
    launcher = (*torchrun(2), "--no-python", sys.executable, "-c", TRAIN)
    training = subprocess.Popen(
        command(killed, *launcher), env=environment(), stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 300
    while not (killed.run / STATE_FILE).exists() and training.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(children(training.pid)[1], signal.SIGKILL)
    _, told = training.communicate(timeout=300)
    assert training.returncode != 0
    assert "another of the 2 processes ended" in told
    assert "start the same command again" in told
    assert load_state(killed.run)[1].step < 30

    alone = tiny_config(run=tmp_path / "alone", **changes)
    shutil.copytree(killed.run, alone.run)
    for config in (killed, whole):
        done = subprocess.run(
            command(config, *launcher),
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.fail(done.stderr)  # whole, where an assertion would shorten it
    assert_same(weights(whole.run), weights(killed.run))
    assert load_state(killed.run)[1].step == 30
    train(alone)  # one process goes on with what two began
    for name, weight in weights(alone.run).items():
        assert torch.allclose(weight, weights(whole.run)[name], atol=1e-3), name


def test_two_processes_write_once(tiny_config, tmp_path):
    config = tiny_config(run=tmp_path / "two", epochs=1)
    launcher = (*torchrun(2), "--no-python", sys.executable, "-c", TRAIN)
    done = subprocess.run(
        command(config, *launcher), env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(list((config.run / "tensorboard").iterdir())) == 1
    assert done.stderr.count("epoch 1.0") == 1
