"""`vitrine` on the command line, without a server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from PIL import Image

from service import __version__
from service.cli import main
from service.command_line import INTERRUPTED, NOBODY_READS
from service.contract import CONTRACT_FILE
from service.errors import InvalidParameter
from service.explanation.methods import METHODS
from tests.service.live import VITRINE
from tests.service.pictures import write_png


@pytest.fixture
def vitrine(tiny_bundles, capsys):
    """Run `vitrine ...` with the tiny bundle; give exit code, output and errors."""

    def run(*arguments: object, bundles: Path = tiny_bundles) -> tuple[object, str, str]:
        code: object = 0
        try:
            main([*map(str, arguments), *(["--bundles", str(bundles)] if bundles else [])])
        except SystemExit as exit_of:
            code = exit_of.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write_png(tmp_path / "picture.png")


def test_classify_names_the_classes_best_first(vitrine, picture) -> None:
    code, output, _ = vitrine("classify", picture, "--top-k", 2)
    assert code == 0
    name, *rows = output.splitlines()
    assert name == str(picture)
    assert len(rows) == 2
    shares = [float(row.split()[0].rstrip("%")) for row in rows]
    assert shares == sorted(shares, reverse=True)


def test_classify_prints_json_lines_where_asked(vitrine, picture) -> None:
    _, output, _ = vitrine("classify", picture, picture, "--json-lines")
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["file"] for line in lines] == [str(picture)] * 2
    assert lines[0]["image"]["format"] == "PNG"


def test_the_command_and_the_server_give_the_same_classes(vitrine, picture, live) -> None:
    _, output, _ = vitrine("classify", picture, "--json-lines")
    served = live.client.post("/classify", content=picture.read_bytes()).json()
    for found, expected in zip(
        json.loads(output)["predictions"], served["predictions"], strict=True
    ):
        assert found["label"] == expected["label"]
        assert found["probability"] == pytest.approx(expected["probability"], abs=1e-5)


def test_explain_writes_a_heatmap_with_its_scores(vitrine, picture, tmp_path, live) -> None:
    heatmap = tmp_path / "map.png"
    code, output, _ = vitrine("explain", picture, "-o", heatmap, "--target", "dog")
    assert code == 0
    assert f"{heatmap}: relevance of dog (" in output
    with Image.open(heatmap) as drawn:
        told = json.loads(drawn.text["vitrine"])
    query = {"target": "dog"}
    served = live.client.post("/explain", params=query, content=picture.read_bytes()).json()
    assert told["target"]["label"] == "dog"
    for found, expected in zip(told["scores"], served["scores"], strict=True):
        assert found == pytest.approx(expected, abs=1e-5)


def test_explain_prints_what_to_mind(vitrine, picture, tmp_path) -> None:
    _, output, _ = vitrine("explain", picture, "-o", tmp_path / "m.png", "--method", "rollout")
    assert "warning: class_agnostic_method" in output


def test_inspect_prints_the_contract_as_it_is_stored(vitrine, tiny_bundle) -> None:
    _, output, _ = vitrine("inspect")
    assert json.loads(output) == json.loads((tiny_bundle / CONTRACT_FILE).read_text())


def test_inspect_prints_a_json_schema_that_the_contract_fulfils(vitrine, tiny_bundle) -> None:
    _, output, _ = vitrine("inspect", "--json-schema")
    jsonschema.validate(json.loads((tiny_bundle / CONTRACT_FILE).read_text()), json.loads(output))


def test_the_latest_version_of_the_first_model_is_used(vitrine, copy_bundle, picture, capsys):
    for version in ("9", "10"):
        folder = copy_bundle(
            lambda contract, version=version: contract.update(
                labels=[f"cat-{version}", f"dog-{version}", f"ship-{version}"]
            ),
            version=version,
        )
    _, output, _ = vitrine("classify", picture, bundles=folder.parents[1])
    assert output.count("-10\n") == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["classify", "nothing.png"], 65, ("nothing.png cannot be read", "give the path")),
        (["classify", __file__], 65, ("Unsupported media type", "convert it")),
        (["classify", "x.png", "--top-k", "0"], 64, ("top-k", "greater than or equal", "'0'")),
        (["explain", "{picture}", "--target", "dgo"], 64, ("'dgo'", "dog")),
        (["explain", "{picture}", "--layer", "9"], 64, ("layer does not apply", "attention")),
        (
            ["explain", "{picture}", "--method", "attention", "--layer", "9"],
            64,
            ("layer 9", "layers 0 to 1"),
        ),
        (["explain", "{picture}", "--versus", "dog"], 64, ("needs a target",)),
        (["explain", "{picture}", "--steps", "8"], 64, ("steps does not apply", "faithfulness")),
        (["explain", "{picture}", *["--target", "cat"] * 2], 64, ("names cat twice",)),
        (["explain", "{picture}", *["--target", "cat"] * 6], 64, ("target", "at most 5 items")),
        (["explain", "{picture}", "--colormap", "jet"], 64, ("'jet'", "cividis")),
        (["explain", "{picture}", "--scale", "fixed:1,0"], 64, ("fixed:LOW,HIGH",)),
        (["explain", "{picture}", "--size", "9999"], 64, ("size 9999", "1024 pixels")),
        (["explain", "{picture}", "--method", "magic"], 64, ("'magic'", "rollout")),
        (["explain", "{picture}", "-o", "/none/map.png"], 65, ("/none/map.png cannot be", "--out")),
        (["serve", "--port", "99999"], 64, ("port", "less than or equal to 65535", "'99999'")),
        (["nonsense"], 2, ("invalid choice",)),
    ],
)
def test_wrong_input_ends_with_its_code_and_a_remedy(
    vitrine, picture, arguments, code, words
) -> None:
    found, output, errors = vitrine(*(str(item).format(picture=picture) for item in arguments))
    assert found == code, errors
    for word in words:
        assert word in errors
    assert "Traceback" not in errors
    assert output == ""


@pytest.mark.parametrize("name", ["classify", "inspect"])
def test_a_folder_without_bundles_is_a_broken_bundle(vitrine, picture, tmp_path, name) -> None:
    pictures = [picture] if name == "classify" else []
    code, _, errors = vitrine(name, *pictures, bundles=tmp_path)
    assert code == 78
    assert "vitrine: Broken bundle:" in errors


def test_the_version_is_told(vitrine) -> None:
    assert vitrine("--version", bundles=None)[:2] == (0, f"vitrine {__version__}\n")


def test_a_command_is_required(vitrine) -> None:
    code, output, errors = vitrine(bundles=None)
    assert "CLI subcommand is required {serve, classify, explain" in str(code)
    assert output + errors == ""


def test_an_interrupt_ends_quietly(tmp_path) -> None:
    (tmp_path / "a" / "1").mkdir(parents=True)
    contract = tmp_path / "a" / "1" / CONTRACT_FILE
    os.mkfifo(contract)
    code = (
        "import signal; from service.cli import main; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); "  # a parent may ignore it
        f"main(['inspect', '--bundles', {str(tmp_path)!r}])"
    )
    inspecting = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    with contract.open("wb"):  # which waits for the reader, and lets it wait for what is written
        inspecting.send_signal(signal.SIGINT)
        _, errors = inspecting.communicate(timeout=60)
    assert (inspecting.returncode, errors) == (INTERRUPTED, b"")


def test_a_reader_that_has_enough_ends_it_quietly(tiny_bundles) -> None:
    inspecting = subprocess.Popen(
        [VITRINE, "inspect", "--bundles", tiny_bundles],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert inspecting.stdout
    inspecting.stdout.close()
    _, errors = inspecting.communicate(timeout=60)
    assert (inspecting.returncode, errors) == (NOBODY_READS, b"")


def test_a_real_classify_process_never_loads_torch(tiny_bundles, picture) -> None:
    code = (
        "import sys; from service.cli import main; "
        f"main(['classify', {str(picture)!r}, '--bundles', {str(tiny_bundles)!r}]); "
        "heavy = {'torch', 'onnx', 'model'} & {name.partition('.')[0] for name in sys.modules}; "
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "cat" in ended.stdout


def test_the_installed_command_explains_a_picture(tiny_bundles, picture, tmp_path) -> None:
    heatmap = tmp_path / "map.png"
    command = [VITRINE, "explain", picture, "-o", heatmap, "--bundles", tiny_bundles]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert heatmap.read_bytes().startswith(b"\x89PNG")


def test_a_bad_picture_among_several_is_named_and_the_others_are_classified(vitrine, tmp_path):
    good, bad = write_png(tmp_path / "good.png"), tmp_path / "notes.txt"
    bad.write_text("no picture")
    code, output, errors = vitrine("classify", bad, good)
    assert code == 65
    assert str(bad) in errors
    assert str(good) in output


def test_explain_draws_several_targets_on_one_sheet(vitrine, picture, tmp_path, live) -> None:
    sheet = tmp_path / "sheet.png"
    query = {"target": ["dog", "cat"], "faithfulness": True, "steps": 4, "removal": "blur"}
    drawing = ["--size", 200, "--overlay", "contour", "--no-colorbar"]
    code, output, _ = vitrine(
        "explain", picture, "-o", sheet, "--target", "dog", "--target", "cat", "--faithfulness",
        "--steps", 4, "--removal", "blur", *drawing,
    )  # fmt: skip
    assert code == 0
    lines = output.splitlines()
    assert [line.split("relevance of ")[1].split()[0] for line in lines if "relevance" in line] == [
        "dog",
        "cat",
    ]
    with Image.open(sheet) as drawn:
        told = json.loads(drawn.text["vitrine"])
        assert drawn.width > 2 * 200
    served = live.client.post("/explain", params=query, content=picture.read_bytes()).json()
    for found, expected in zip(told["maps"], served["maps"], strict=True):
        assert found["target"]["label"] == expected["target"]["label"]
        measured, delta = found["faithfulness"], expected["faithfulness"]["delta"]
        assert measured["delta"] == pytest.approx(delta, abs=1e-4)
        assert f"  faithfulness: delta {measured['delta']:.3f} (removal blur)" in lines


@pytest.mark.parametrize("method", METHODS)
def test_explain_gives_the_map_that_the_server_gives(vitrine, picture, tmp_path, live, method):
    heatmap = tmp_path / "map.png"
    assert vitrine("explain", picture, "-o", heatmap, "--method", method)[0] == 0
    with Image.open(heatmap) as drawn:
        told = json.loads(drawn.text["vitrine"])
    served = live.client.post(
        "/explain", params={"method": method}, content=picture.read_bytes()
    ).json()
    assert told["method"] == served["method"]
    for found, expected in zip(told["scores"], served["scores"], strict=True):
        assert found == pytest.approx(expected, abs=1e-5)


def test_explain_draws_as_it_is_told(vitrine, picture, tmp_path) -> None:
    drawings = (
        [],
        ["--overlay", "heatmap"],
        ["--overlay", "heatmap", "--colormap", "magma"],
        ["--no-colorbar"],
        ["--clip", 70],
        ["--scale", "fixed:0,5"],
        ["--interpolation", "nearest"],
        ["--size", 128],
    )
    heatmap, found = tmp_path / "map.png", set()
    for drawing in drawings:
        assert vitrine("explain", picture, "-o", heatmap, *drawing)[0] == 0
        with Image.open(heatmap) as drawn:
            found.add(drawn.tobytes())
    assert len(found) == len(drawings)


def test_explain_takes_the_method_that_the_contract_prefers(
    vitrine, copy_bundle, picture, tmp_path
) -> None:
    chosen = {
        "part": "test", "images": 1, "removal": "token", "steps": 16, "seed": 0,
        "default_method": "legrad", "methods": {}, "references": {},
    }  # fmt: skip
    folder = copy_bundle(lambda contract: contract.update(explanations=chosen))
    _, output, _ = vitrine("explain", picture, "-o", tmp_path / "map.png", bundles=folder)
    assert "legrad of" in output


@pytest.mark.parametrize(
    ("missing", "method"),
    [("explain", "relevance"), ("attend", "rollout"), ("attend", "occlusion")],
)
def test_explain_without_the_graph_that_it_takes_says_how_to_get_it(
    vitrine, copy_bundle, picture, tmp_path, missing, method
) -> None:
    folder = copy_bundle(lambda contract: contract["graphs"].pop(missing))
    code, _, errors = vitrine(
        "explain", picture, "-o", tmp_path / "map.png", "--method", method, bundles=folder
    )
    assert code == 69
    assert "has no graphs of explanations" in errors
    assert "vitrine-model export" in errors


def test_an_option_that_is_missing_is_named_and_nothing_else(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["key", "lab"])
    assert ended.value.code == InvalidParameter.exit_code
    message = capsys.readouterr().err
    assert "file: it is required; --help tells what it is" in message
    assert "lab" not in message
