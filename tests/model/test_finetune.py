"""From a bundle or a run to a run of one's own: whole or its head alone, the best epoch kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from model.checkpoint import load_checkpoint
from model.cli import main
from model.commands.training import Train
from model.position import STATE_FILE, load_state
from model.train import train
from model.training import Training
from model.training_config import TrainingConfig
from service.bundle import file_digest, read_bundle
from service.errors import InvalidInput
from tests.model.pets import MEAN, STD
from tests.model.pretrained.saved import KINDS, saved
from tests.model.shapes import write_pictures
from tests.model.trainings import assert_same, assert_same_end, command, environment, weights
from tests.untraced import untraced_exporter

Tuning = Callable[..., TrainingConfig]


@pytest.fixture
def tuning(shapes: Path, pets_run: Path, tmp_path: Path) -> Tuning:
    """Give a fine-tuning of seconds of the pets' run on the shapes, with some fields changed."""

    def config(**changes: object) -> TrainingConfig:
        values: dict[str, object] = {
            "recipe": "finetune",
            "run": tmp_path / "run",
            "data": (str(shapes),),
            "init": str(pets_run),
            "epochs": 2,
            "device": "cpu",
        }
        return TrainingConfig.model_validate({**values, **changes})

    return config


@pytest.fixture
def unequal(tmp_path: Path) -> Path:
    """A folder with four times as many red shapes as blue ones."""
    folder = write_pictures(tmp_path / "unequal", "train", {"red": 40, "green": 20, "blue": 10})
    counts = {"red": 8, "green": 4, "blue": 2}
    return write_pictures(folder, "validation", counts, first_seed=1000)


# starting


def test_a_tuned_model_learns_from_where_it_starts(tuning, caplog):
    run = train(tuning(epochs=12, policy="none", learning_rate=3e-3, batch_size=24))
    made = load_checkpoint(run)
    assert made.labels == ("blue", "green", "red")
    assert made.provenance["best"]["validation_accuracy"] > 0.9
    assert "starts from pets: a new head for 3 labels; all of it is trained" in caplog.text


def test_it_keeps_the_models_shape_and_levels(tuning):
    made = load_checkpoint(train(tuning(image_size=48)))
    shape = made.model.config
    assert (shape.width, shape.depth, shape.layer_scale, shape.classes) == (64, 2, 0.5, 3)
    assert shape.image_size == (48, 48)
    assert (tuple(made.preprocessing["mean"]), tuple(made.preprocessing["std"])) == (MEAN, STD)
    assert made.preprocessing["crop"] == [48, 48]
    assert made.provenance["config"]["width"] == 64


def test_what_it_was_tuned_from_goes_on_record(tuning, pets_bundle):
    made = load_checkpoint(train(tuning(init=str(pets_bundle), freeze="backbone")))
    assert made.provenance["tuned_from"] == {
        "name": "pets",
        "version": "2",
        "digest": read_bundle(pets_bundle).digest,
        "head": "new",
        "trained": "head",
        "origin": None,
    }


def test_the_same_labels_go_on_with_their_head(tuning, tmp_path, caplog):
    first = train(tuning(epochs=4, policy="none", learning_rate=3e-3, batch_size=24))
    good = load_checkpoint(first).provenance["best"]["validation_accuracy"]
    again = tuning(init=str(first), run=tmp_path / "again", epochs=1, learning_rate=1e-6)
    made = load_checkpoint(train(again)).provenance
    assert "its head is kept, for its labels are the same" in caplog.text
    assert made["history"][0]["validation_accuracy"] == pytest.approx(good, abs=1e-4)


def test_every_option_tunes_together(tuning, unequal, pets_bundle):
    run = train(
        tuning(
            init=str(pets_bundle),
            data=(str(unequal),),
            image_size=24,
            optimizer="muon",
            class_balance="sampling",
            freeze="backbone",
            flip=True,
            mixup=0.2,
            patience=1,
            memory_gib=1e-6,
        )
    )
    assert load_checkpoint(run).model.config.image_size == (24, 24)


def test_a_public_model_is_tuned_and_stays_on_record(tuning, tmp_path):
    source = tmp_path / "public"
    saved(KINDS["DINOv2 with registers"], source)
    (source / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    made = load_checkpoint(train(tuning(init=str(source), image_size=24, layer_decay=0.5)))
    assert made.model.config.image_size == (24, 24)
    assert made.model.config.registers == 3
    tuned_from = made.provenance["tuned_from"]
    assert tuned_from["origin"]["licence"] == "apache-2.0"
    assert tuned_from["digest"] == file_digest(source / "model.safetensors")


# freezing


@pytest.mark.parametrize("flip", [False, True])  # with readouts computed once, and without
def test_a_frozen_backbone_is_really_unchanged(tuning, pets_run, flip):
    run = train(tuning(freeze="backbone", flip=flip, epochs=3, layer_decay=0.5))
    before, after = load_file(pets_run / "model.safetensors"), weights(run)
    heads = {"head.weight", "head.bias"}
    assert_same(
        {name: weight for name, weight in before.items() if name not in heads},
        {name: weight for name, weight in after.items() if name not in heads},
    )
    assert after["head.weight"].abs().max() > 0


def test_readouts_computed_once_train_the_same_head(tuning, tmp_path, monkeypatch):
    once = train(tuning(freeze="backbone", run=tmp_path / "once"))
    monkeypatch.setattr(TrainingConfig, "probes", False)
    each_time = train(tuning(freeze="backbone", run=tmp_path / "each"))
    for name, weight in weights(once).items():
        assert torch.allclose(weight, weights(each_time)[name], atol=1e-5), name


def test_without_a_model_there_is_nothing_to_freeze(tiny_config):
    with pytest.raises(ValueError, match="freeze backbone trains the head alone: set init"):
        tiny_config(freeze="backbone")


# classes of unequal size


def test_unequal_classes_are_counted_and_told_apart(tuning, unequal):
    run = train(tuning(data=(str(unequal),)))
    made = load_checkpoint(run).provenance
    assert made["class_counts"] == {
        "train": {"blue": 10, "green": 20, "red": 40},
        "validation": {"blue": 2, "green": 4, "red": 8},
    }
    row = made["history"][-1]
    shares = [
        row[f"recognised/{label}"] / n for label, n in (("blue", 2), ("green", 4), ("red", 8))
    ]
    assert row["balanced_accuracy"] == pytest.approx(sum(shares) / 3, abs=1e-4)
    assert "recognised/blue" in (run / "metrics.csv").read_text().splitlines()[0]


def test_equal_classes_have_no_such_columns(tuning):
    made = load_checkpoint(train(tuning(epochs=1))).provenance
    assert made["class_counts"] == {}
    assert "balanced_accuracy" not in made["history"][0]


def test_weights_in_the_loss_change_what_is_learned(tuning, unequal, tmp_path):
    runs = [
        train(tuning(data=(str(unequal),), run=tmp_path / balance, class_balance=balance))
        for balance in ("none", "weights")
    ]
    one, other = (weights(run)["head.bias"] for run in runs)
    assert other[0] > one[0]  # blue, the rarest, became more likely
    assert other[2] < one[2]


def test_a_sampled_epoch_shows_all_classes_alike(tuning, unequal, monkeypatch):
    seen: list[torch.Tensor] = []
    step = Training.step

    def watched(self: Training, images: torch.Tensor, targets: torch.Tensor, progress: float):
        seen.append(targets)
        step(self, images, targets, progress)

    monkeypatch.setattr(Training, "step", watched)
    train(tuning(data=(str(unequal),), class_balance="sampling", batch_size=35, epochs=1))
    counts = torch.bincount(torch.cat(seen))
    assert counts.sum() == 70
    assert counts.max() - counts.min() <= 1


def test_where_balance_is_asked_for_the_best_is_the_best_balanced(tuning, unequal):
    made = load_checkpoint(
        train(tuning(data=(str(unequal),), class_balance="sampling", epochs=6, policy="none"))
    ).provenance
    best = max(row["balanced_accuracy"] for row in made["history"])
    assert made["best"]["balanced_accuracy"] == pytest.approx(best, abs=1e-4)


# the best epoch


def overfitting(tuning: Tuning, **changes: object) -> TrainingConfig:
    """Give a tuning that gets worse: a rate so high that its first epochs are its best."""
    values: dict[str, object] = {
        "epochs": 40, "patience": 3, "learning_rate": 0.5, "warmup": 0.5, "layer_decay": 1.0,
        "policy": "none", "ema_decay": 0.0, "checkpoint_steps": 1, "batch_size": 24,
    }  # fmt: skip
    return tuning(**{**values, **changes})


def test_it_stops_when_patience_is_over_and_leaves_the_best_epoch(tuning):
    run = train(overfitting(tuning))
    made = load_checkpoint(run).provenance
    ranks = [(row["validation_accuracy"], -row["validation_loss"]) for row in made["history"]]
    assert made["epochs"] == len(ranks) < 40
    assert made["epochs"] == made["best_epoch"] + 3
    assert ranks[int(made["best_epoch"]) - 1] == max(ranks) > ranks[-1]


def test_the_weights_left_are_those_of_the_best_epoch(tuning):
    run = train(overfitting(tuning))
    best = load_checkpoint(run).provenance["best_epoch"]
    stopped, position = load_state(run)
    last = {
        name.removeprefix("average/"): weight
        for name, weight in stopped.items()
        if name.startswith("average/")
    }
    assert any(not torch.equal(weight, last[name]) for name, weight in weights(run).items())
    kept = {
        name.removeprefix("best/"): weight
        for name, weight in stopped.items()
        if name.startswith("best/")
    }
    assert_same(kept, weights(run))
    assert position.best["epoch"] == best


def killed_after_steps(config: TrainingConfig, steps: int) -> None:
    """Train in a process of its own, and kill it when its state has gone so far."""
    text = config.model_dump_json(exclude_unset=True)
    process = subprocess.Popen(
        [*command(config)[:-1], text], env=environment(), stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if (config.run / STATE_FILE).exists() and load_state(config.run)[1].step >= steps:
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("freeze", ["none", "backbone"])
def test_killed_and_resumed_it_ends_with_the_same_best_epoch(tuning, unequal, tmp_path, freeze):
    changes = {"data": (str(unequal),), "class_balance": "sampling", "freeze": freeze}
    whole = overfitting(tuning, run=tmp_path / "whole", **changes)
    killed = overfitting(tuning, run=tmp_path / "killed", **changes)
    killed_after_steps(killed, steps=3)
    stopped = load_state(killed.run)
    assert stopped is not None
    assert not stopped[1].done
    train(killed)
    train(whole)
    position, other_position = assert_same_end(whole.run, killed.run)
    assert position.best == other_position.best
    assert position.step == other_position.step


def test_killed_between_state_and_weights_the_same_command_writes_them_again(tuning):
    config = overfitting(tuning)
    run = train(config)
    complete = weights(run)
    record = run / "checkpoint.json"
    behind = json.loads(record.read_text())
    behind["provenance"]["images_seen"] = 1  # as after a kill, the record is of an earlier state
    record.write_text(json.dumps(behind))
    (run / "model.safetensors").unlink()
    train(config)
    assert_same(weights(run), complete)
    assert load_checkpoint(run).provenance["images_seen"] > 1


# errors


def test_another_initial_model_does_not_touch_the_run_folder(tuning, pets_run, tmp_path):
    run = train(tuning(epochs=1))
    before = weights(run)
    other = shutil.copytree(pets_run, tmp_path / "other")
    train(tuning(epochs=1, init=str(other)))  # the same weights may lie elsewhere
    changed = train(tuning(epochs=1, run=tmp_path / "changed"))
    with pytest.raises(InvalidInput, match=r"init was pets .*sha256.* and is changed"):
        train(tuning(epochs=1, init=str(changed)))
    assert_same(weights(run), before)


def test_without_an_initial_model_it_is_another_training(tuning, tiny_config):
    run = train(tuning(epochs=1))
    with pytest.raises(InvalidInput, match="and is none"):
        train(tiny_config(run=run, epochs=1))


def test_an_initial_model_that_is_not_there_leaves_no_run_folder(tuning):
    config = tuning(init="nowhere")
    with pytest.raises(InvalidInput, match="source 'nowhere' is not there"):
        train(config)
    assert not config.run.exists()


# the command


def test_init_takes_the_recipe_for_it():
    chosen = Train(data=("pictures",), init="pets", depth=3).chosen()
    assert (chosen.recipe, chosen.init, chosen.depth) == ("finetune", "pets", 3)
    assert "width" not in chosen.model_fields_set


def test_a_recipe_named_beside_init_gives_its_schedule_and_not_its_shape():
    chosen = Train(data=("pictures",), init="pets", recipe="cifar10_cpu").chosen()
    assert (chosen.recipe, chosen.budget_minutes) == ("cifar10_cpu", 98)
    assert not {"width", "depth", "image_size", "patch_size"} & chosen.model_fields_set


def test_other_starting_weights_beside_init_are_refused():
    with pytest.raises(InvalidInput, match="init gives all weights; leave out initialization"):
        Train(data=("pictures",), init="pets", initialization="mimetic").chosen()


def test_the_command_names_flags_that_contradict_the_model(shapes, pets_run, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--data", str(shapes), "--init", str(pets_run), "--width", "99"])
    assert stopped.value.code == 65
    assert "width 99 contradicts its 64" in capsys.readouterr().err


def test_a_tuned_run_is_exported_and_its_card_tells_what_it_was_tuned_from(
    tuning, pets_bundle, tmp_path, unequal
):
    config = tuning(init=str(pets_bundle), data=(str(unequal),), freeze="backbone")
    run = train(config)
    with untraced_exporter():
        main(["export", str(run), "--name", "colours", "-o", str(tmp_path / "bundles")])
    bundle = read_bundle(tmp_path / "bundles" / "colours" / "1")
    made = bundle.contract.provenance
    assert made.tuned_from is not None
    assert made.tuned_from.digest == read_bundle(pets_bundle).digest
    assert made.best_epoch == load_checkpoint(run).provenance["best_epoch"]
    assert not any(name.startswith("recognised/") for name in made.history[0])
    card = (bundle.folder / "README.md").read_text()
    assert "| Started from | pets 2, with a new head; the head alone trained. `sha256:" in card
    assert f"| Best epoch | {made.best_epoch:g}, by validation |" in card
    assert os.sep + "pets" not in made.command
