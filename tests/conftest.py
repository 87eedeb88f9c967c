"""The real things that many tests share: tiny models and the bundles that they are exported to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.exported import exported_once
from tests.untraced import untraced

LABELS = ("cat", "dog", "ship")
TESTS = Path(__file__).parent
# The files that take longest, in that order: begun first, none of them is left alone at the end.
LONGEST = (
    "service/test_ray_serve.py",
    "service/explanation/test_methods.py",
    "model/test_several_processes.py",
    "model/test_export.py",
    "model/test_distillation.py",
    "service/test_trace_route.py",
    "service/bulk/test_ray_engine.py",
    "test_readme.py",
    "model/test_finetune.py",
    "web/guide/test_look.py",
    "model/test_images.py",
    "service/bulk/test_resume.py",
    "service/test_workers.py",
    "model/test_trace.py",
    "web/guide/test_answer.py",
    "web/guide/test_block.py",
    "web/guide/test_screenshots.py",
    "service/bulk/test_sources.py",
    "test_wheel.py",
    "model/pretrained/test_cli.py",
    "model/test_cli.py",
    "web/guide/test_tokens.py",
    "web/test_methods.py",
    "test_upgrades.py",
    "model/test_train.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--against",
        metavar="URL",
        help="pass the tests of the API against a server that runs there and serves tiny/1",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest.

    Against a server that runs elsewhere, leave out what does not ask the shared one.
    """
    turn = {TESTS / file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: turn.get(item.path, len(LONGEST)))
    if config.getoption("against"):
        asking = [item for item in items if "live" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=[item for item in items if item not in asking])
        items[:] = asking


def pytest_configure() -> None:
    """Make ready for cores that are busy with other tests.

    Torch computes on one thread, since several would wait for each other; its exporter does without
    a cache that costs time where models are small (some 9 %); and a property may take its time.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["TORCH_FAKE_TENSOR_DISPATCH_CACHE"] = "0"
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")


@pytest.fixture(scope="module")
def untraced_processes() -> Iterator[None]:
    """Let the processes that a file of tests starts do without coverage."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - untraced().keys():
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def tiny_checkpoint():
    """A Vision Transformer of 16 patches and 3 classes, with random weights that tell apart."""
    import torch

    from model.checkpoint import Checkpoint
    from model.config import VisionTransformerConfig
    from model.vit import VisionTransformer

    shape = VisionTransformerConfig(
        image_size=(32, 32), patch_size=8, width=24, depth=2, heads=2, classes=len(LABELS)
    )
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = VisionTransformer(shape).eval()
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.3)
    preprocessing = {
        "size": [32, 32],
        "crop": [32, 32],
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
    }
    provenance = {"dataset": "none", "recipe": "random weights", "command": "none", "seed": 0}
    return Checkpoint(model, LABELS, preprocessing, provenance)


@pytest.fixture(scope="session")
def tiny_bundles(tiny_checkpoint, tmp_path_factory) -> Path:
    """A folder with the one bundle tiny/1, really exported; read it, never write into it."""
    from model.export import export_bundle

    return exported_once(
        tmp_path_factory,
        "tiny",
        lambda bundles: export_bundle(tiny_checkpoint, bundles, "tiny", "1"),
    )


@pytest.fixture(scope="session")
def tiny_bundle(tiny_bundles: Path) -> Path:
    """The folder of the tiny bundle itself."""
    return tiny_bundles / "tiny" / "1"


@pytest.fixture(scope="session")
def pets_run(tmp_path_factory) -> Path:
    """A run folder as a training of the pets leaves it."""
    from model.checkpoint import save_checkpoint
    from tests.model.pets import checkpoint, pets_vit

    made = checkpoint(pets_vit(), command="vitrine-model train --data /home/me/pictures/pets")
    folder = tmp_path_factory.mktemp("runs") / "pets"
    save_checkpoint(
        folder,
        made.model.state_dict(),
        made.model.config,
        made.labels,
        made.preprocessing,
        made.provenance,
    )
    return folder


@pytest.fixture(scope="session")
def pets_bundles(pets_run: Path, tmp_path_factory) -> Path:
    """A folder with the one bundle pets/2, exported from the run; never write into it."""
    from model.checkpoint import load_checkpoint
    from model.export import export_bundle

    return exported_once(
        tmp_path_factory,
        "pets",
        lambda bundles: export_bundle(load_checkpoint(pets_run), bundles, "pets", "2"),
    )


@pytest.fixture(scope="session")
def pets_bundle(pets_bundles: Path) -> Path:
    """The folder of the pets' bundle itself."""
    return pets_bundles / "pets" / "2"


@pytest.fixture(scope="session")
def odd_bundles(tmp_path_factory) -> Path:
    """A folder with a model of registers, LayerScale, mean pooling and a grid of 3 x 5.

    Never write into it.
    """
    from model.export import export_bundle
    from tests.model.pets import checkpoint
    from tests.model.vits import ODD, small_vit

    made = checkpoint(small_vit(**ODD))
    return exported_once(
        tmp_path_factory, "odd", lambda bundles: export_bundle(made, bundles, "odd", "1")
    )


@pytest.fixture(scope="session")
def public_bundles(tmp_path_factory) -> Path:
    """A folder with a model of each shape of public checkpoints; never write into it."""
    from model.export import export_bundle
    from tests.model.pets import checkpoint
    from tests.model.vits import PUBLIC_SHAPES, public_vit

    def export_all(bundles: Path) -> None:
        for name in PUBLIC_SHAPES:
            export_bundle(checkpoint(public_vit(name)), bundles, name, "1")

    return exported_once(tmp_path_factory, "public", export_all)


@pytest.fixture(scope="session")
def sure_pictures(tiny_bundle: Path, tmp_path_factory) -> Path:
    """Forty labelled test pictures that the tiny model is sure about, and right."""
    from tests.near_ties import write_sure

    return write_sure(tiny_bundle, tmp_path_factory.mktemp("sure"), 40)


@pytest.fixture(scope="session")
def quantized_bundles(tiny_bundles: Path, sure_pictures: Path, tmp_path_factory) -> Path:
    """A folder with tiny/1, to which int8 was added; read it, never write into it."""
    from model.quantize import quantize

    bundles = tmp_path_factory.mktemp("quantized") / "bundles"
    shutil.copytree(tiny_bundles, bundles)
    quantize(bundles / "tiny" / "1", [str(sure_pictures)], images_at_least=40)
    return bundles
