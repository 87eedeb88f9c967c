"""The `vitrine-model` command."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from model.cli import main
from model.commands.training import Train
from model.training_config import TrainingConfig
from service import __version__
from service.bundle import read_bundle
from service.engine import Engine
from service.errors import InvalidInput, PackageMissing
from tests.model.pets import LABELS
from tests.untraced import untraced_exporter


def test_export_renews_a_bundle_and_says_what_to_do_next(pets_bundle, tmp_path, capsys):
    with untraced_exporter():
        main(["export", str(pets_bundle), "--name", "pets", "-o", str(tmp_path)])
    assert f"vitrine serve --bundles {tmp_path}" in capsys.readouterr().out
    assert_same_model(read_bundle(tmp_path / "pets" / "1"), read_bundle(pets_bundle))


def assert_same_model(renewed, bundle):
    """Compare all but the version: weights, graphs and golden numbers."""
    assert (renewed.contract.version, bundle.contract.version) == ("1", "2")
    assert renewed.contract.labels == LABELS
    assert renewed.contract.provenance == bundle.contract.provenance
    weights = "weights.safetensors"
    assert renewed.contract.files[weights] == bundle.contract.files[weights]
    assert renewed.contract.graphs == bundle.contract.graphs
    for new, old in zip(all_outputs(renewed), all_outputs(bundle), strict=True):
        np.testing.assert_allclose(new, old, rtol=0, atol=1e-6)
    with np.load(bundle.path("golden.npz")) as old, np.load(renewed.path("golden.npz")) as new:
        for name in old.files:
            np.testing.assert_allclose(new[name], old[name], rtol=0, atol=1e-6)


def all_outputs(bundle):
    """Run every graph of a bundle on the same inputs."""
    random = np.random.default_rng(0)
    given = {
        "pixel_values": random.standard_normal((2, 3, 32, 32), np.float32),
        "keep": np.array([[3, 1], [0, 2]]),
        "layer": np.array([1, 0]),
        "logit_weights": random.standard_normal((2, 2, len(LABELS)), np.float32),
        "layer_weights": random.standard_normal((2, 1, len(LABELS)), np.float32),
    }
    engine = Engine(bundle, provider="cpu", threads=1)
    for graph, spec in bundle.contract.graphs.named.items():
        inputs = {tensor.name: given[tensor.name] for tensor in spec.inputs}
        yield from engine.run(graph, inputs, [tensor.name for tensor in spec.outputs]).values()


def test_export_of_something_else_names_what_is_missing(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["export", str(tmp_path), "--name", "pets"])
    assert stopped.value.code == 65
    assert "holds no checkpoint.json" in capsys.readouterr().err


def test_evaluate_prints_and_records(pets_bundle, tmp_path, capsys):
    from PIL import Image

    for label in ("ant", "bee"):
        (tmp_path / "data" / "test" / label).mkdir(parents=True)
        Image.new("RGB", (32, 32), label_color(label)).save(
            tmp_path / "data" / "test" / label / "0.png"
        )
    bundle = shutil.copytree(pets_bundle, tmp_path / "pets")
    main(["evaluate", str(bundle), "--data", str(tmp_path / "data"), "--record"])
    printed = capsys.readouterr().out
    assert "top-1" in printed
    assert "pictures a second" in printed
    assert read_bundle(bundle).contract.precisions["fp32"].images == 2


def label_color(label):
    return {"ant": "black", "bee": "yellow"}[label]


def test_a_recipe_gives_way_to_the_flags_that_are_given():
    chosen = Train(recipe="cifar10_cpu", data=("pictures",), seed=7).chosen()
    assert isinstance(chosen, TrainingConfig)
    assert chosen.recipe == "cifar10_cpu"
    assert chosen.seed == 7
    assert chosen.data == ("pictures",)
    assert chosen.precision == "bf16"


def test_a_teacher_is_given_to_a_recipe_that_says_how_to_follow_it():
    train = Train(recipe="cifar10_cpu_distilled", data=("pictures",), teacher="runs/other")
    chosen = train.chosen()
    assert chosen.teacher == "runs/other"
    assert chosen.distillation == "soft"


def test_a_teacher_that_no_recipe_or_flag_follows_is_refused():
    with pytest.raises(ValueError, match="set distillation soft or hard"):
        Train(data=("pictures",), teacher="runs/other").chosen()


def test_an_unknown_recipe_names_those_that_there_are():
    with pytest.raises(InvalidInput, match=r"'vgg' does not exist; choose one of .*cifar10_cpu"):
        Train(recipe="vgg", data=("pictures",)).chosen()


def test_a_wrong_flag_names_itself_and_its_value(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--data", "pictures", "--depth", "many"])
    assert stopped.value.code == 64
    assert "depth" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "export", "evaluate"])
def test_help_describes_every_option(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert "options:" in capsys.readouterr().out


def test_where_torch_is_not_installed_it_says_how_to_install_it(pets_run):
    code = (
        "import sys; sys.modules['torch'] = None; from model.entry import main;"
        f"sys.argv[1:] = ['export', {str(pets_run)!r}, '--name', 'pets']; main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == PackageMissing.exit_code
    assert "torch is not installed; run pip install 'vitrine[train]'" in ended.stderr


def test_the_version_is_told(capsys):
    main(["--version"])
    assert capsys.readouterr().out == f"vitrine-model {__version__}\n"


def test_flags_are_checked_beside_the_recipes_values_and_not_the_defaults():
    assert Train(recipe="cifar10_cpu", data=("x",), image_size=36).chosen().image_size == 36


def test_flags_that_do_not_fit_together_are_told_without_a_traceback(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--data", "x", "--recipe", "cifar10_cpu", "--shift", "40"])
    assert stopped.value.code == 64
    assert "shift 40 is not below image_size 32" in capsys.readouterr().err


def test_a_limit_is_taken_off_by_none(monkeypatch):
    chosen = []
    monkeypatch.setattr(Train, "cli_cmd", lambda train: chosen.append(train.chosen()))
    main(["train", "--data", "x", "--recipe", "cifar10_cpu", "--budget-minutes", "none"])
    assert (chosen[0].budget_minutes, chosen[0].policy) == (None, "none")
