"""The `vitrine-model` command."""

import json
import subprocess
import sys

import pytest
from safetensors.torch import save_file

from model.cli import Train, main
from model.training_config import TrainingConfig
from service.contract import read_bundle
from service.errors import InvalidInput
from tests.model.test_export import LABELS, checkpoint
from tests.model.vits import small_vit


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run folder as a training leaves it."""
    run = tmp_path_factory.mktemp("runs") / "pets"
    run.mkdir()
    made = checkpoint(small_vit(depth=1))
    record = {
        "schema_version": 1,
        "model": made.model.config.to_dict(),
        "labels": list(LABELS),
        "preprocessing": made.preprocessing,
        "provenance": made.provenance,
    }
    save_file(made.model.state_dict(), run / "model.safetensors")
    (run / "checkpoint.json").write_text(json.dumps(record))
    return run


def test_export_writes_a_bundle_and_says_what_to_do_next(trained, tmp_path, capsys):
    main(["export", str(trained), "--name", "pets", "-o", str(tmp_path)])
    assert read_bundle(tmp_path / "pets" / "1").contract.labels == LABELS
    assert f"vitrine serve --bundles {tmp_path}" in capsys.readouterr().out


def test_export_of_something_else_names_what_is_missing(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["export", str(tmp_path), "--name", "pets"])
    assert stopped.value.code == 65
    assert "holds no checkpoint.json" in capsys.readouterr().err


def test_evaluate_prints_and_records(trained, tmp_path, capsys):
    from PIL import Image

    for label in ("ant", "bee"):
        (tmp_path / "data" / "test" / label).mkdir(parents=True)
        Image.new("RGB", (32, 32), label_color(label)).save(
            tmp_path / "data" / "test" / label / "0.png"
        )
    main(["export", str(trained), "--name", "pets", "-o", str(tmp_path)])
    bundle = tmp_path / "pets" / "1"
    main(["evaluate", str(bundle), "--data", str(tmp_path / "data"), "--record"])
    assert "top-1" in capsys.readouterr().out
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


def test_where_torch_is_not_installed_it_says_how_to_install_it(trained):
    code = (
        "import sys; sys.modules['torch'] = None; from model.cli import main;"
        f"main(['export', {str(trained)!r}, '--name', 'pets'])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 1
    assert "torch is not installed; run pip install -e '.[cpu,train]'" in ended.stderr


def test_flags_are_checked_beside_the_recipes_values_and_not_the_defaults():
    assert Train(recipe="cifar10_cpu", data=("x",), image_size=36).chosen().image_size == 36


def test_flags_that_do_not_fit_together_are_told_without_a_traceback(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--data", "x", "--recipe", "cifar10_cpu", "--shift", "40"])
    assert stopped.value.code == 64
    assert "shift 40 is not below image_size 32" in capsys.readouterr().err
