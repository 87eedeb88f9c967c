"""`vitrine benchmark`: what it measures is there and consistent; speed is not asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from service.benchmarking.comparison import compare
from service.benchmarking.machine import processor
from service.benchmarking.memory import Memory, memory, process_tree
from service.benchmarking.pictures import describe, drawn_picture
from service.benchmarking.rendering import OVERLAYS
from service.benchmarking.report import Report, figures, tables
from service.benchmarking.rounds import in_turns
from service.benchmarking.sample import Sample
from service.benchmarking.scenario import Scenario
from service.benchmarking.server_process import server_process
from service.benchmarking.workload import CLASSIFY, chosen_works, works
from service.bundle import read_bundle
from service.cli import main
from service.decoding import ImageLimits, decode_image
from service.errors import InferenceFailed, InvalidInput, InvalidParameter, ModelNotReady
from service.explanation.methods import METHODS

pytestmark = pytest.mark.usefixtures("untraced_processes")

EACH, ALL, ONE, EIGHT = (Scenario("classify", by) for by in ("each", "all", 1, 8))
EXPLAIN_EACH, EXPLAIN_ALL, EXPLAIN_EIGHT = (Scenario("relevance", by) for by in ("each", "all", 8))


@pytest.fixture(scope="module")
def report(tiny_bundles: Path, tmp_path_factory) -> dict:
    output = tmp_path_factory.mktemp("benchmark") / "report.json"
    arguments = ["--bundles", str(tiny_bundles), "--rounds", "2", "--seconds", "0.03"]
    main(["benchmark", *arguments, "--output", str(output)])
    return json.loads(output.read_text())


def as_report(document: dict) -> Report:
    return TypeAdapter(Report).validate_python(document)


def test_every_work_is_measured_bare_and_served(report):
    measured = {(item["work"], item["callers"]) for item in report["figures"]}
    several = {"classify": (0, 1, 8, 32), "relevance": (0, 1, 8)}
    names = {"classify", "relevance, 3 classes", "its faithfulness", *METHODS}
    assert measured == {(name, callers) for name in names for callers in several.get(name, (0, 1))}


def test_a_work_asks_for_its_method_and_its_classes(tiny_bundle):
    asked = {work.name: work.path for work in works(read_bundle(tiny_bundle).contract, True)}
    assert asked["classify"] == "/classify"
    assert asked["legrad"] == "/explain?method=legrad"
    assert asked["relevance, 3 classes"] == ("/explain?method=relevance&target=0&target=1&target=2")


def test_works_are_chosen_by_name_and_an_unknown_one_is_refused(tiny_bundle):
    offered = works(read_bundle(tiny_bundle).contract, True)
    chosen = chosen_works(offered, ["legrad"])
    assert [work.name for work in chosen] == ["classify", "legrad"]
    with pytest.raises(InvalidParameter, match="no work lrp; there are classify, relevance"):
        chosen_works(offered, ["lrp"])


def test_every_overlay_is_drawn_and_timed(report):
    assert report["rendering"].keys() == set(OVERLAYS)
    assert all(spread["median"] > 0 for spread in report["rendering"].values())


def test_figures_are_positive_and_consistent(report):
    for item in report["figures"]:
        latency = item["latency_ms"]
        assert latency["count"] >= max(1, item["callers"])
        assert item["errors"] == {}
        assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]
        assert (item["behind_bare_ms"] is None) == (item["callers"] != 1)
        for spread in (item["images_per_second"], item["share_of_bare"], item["times_classify"]):
            assert 0 < spread["min"] <= spread["median"] <= spread["max"]


def test_start_and_memory_are_measured(report):
    assert report["second_start_seconds"] > 0
    assert report["first_start_seconds"] > 0
    assert [*report["memory"]] == [
        "ready",
        "classify loaded",
        "classify and explain loaded",
        "after all loads",
    ]
    for held in report["memory"].values():
        assert 0 < held["proportional_bytes"] <= held["resident_bytes"]


def test_machine_bundle_and_picture_are_named(report):
    assert report["machine"]["cpus"] >= 1
    assert set(report["machine"]["versions"]) == {"vitrine", "python", "onnxruntime"}
    assert report["bundle"] == "tiny 1"
    assert report["picture"].startswith("JPEG, 224 x 224, ")


def test_the_drawn_picture_is_the_same_each_time():
    assert drawn_picture() == drawn_picture()
    assert decode_image(drawn_picture(), ImageLimits()).width == 224


def test_a_bundle_without_explain_graph_is_only_classified(tiny_bundle):
    assert works(read_bundle(tiny_bundle).contract, is_explainable=False) == [CLASSIFY]


def test_the_tables_of_a_bundle_without_explain_graph_are_of_classify(report):
    classified = [item for item in report["figures"] if item["work"] == "classify"]
    text = tables(as_report({**report, "figures": classified}))
    assert "| classify " in text
    assert "| relevance " not in text


def test_a_picture_of_ones_own_is_named():
    said = describe(drawn_picture(), "mine.jpg")
    assert said.startswith("JPEG, 224 x 224, ")
    assert said.endswith(" bytes, mine.jpg")


def test_a_picture_that_is_not_there_is_named(tiny_bundles, tmp_path):
    with pytest.raises(InvalidInput, match=r"missing\.jpg"):
        compare(
            tiny_bundles, tmp_path / "missing.jpg", rounds=1, seconds=1, progress=lambda line: None
        )


def test_rounds_alternate_their_order():
    order: list[str] = []

    def measure(name: str):
        def sample(seconds: float) -> Sample:
            order.append(name)
            return Sample((0.1,), 1)

        return sample

    measures = {ALL: measure("bare"), EIGHT: measure("served")}
    in_turns(measures, rounds=2, seconds=1, progress=lambda line: None)
    assert order == ["bare", "served", "bare", "served", "served", "bare"]  # a warm-up first


def test_a_scenario_without_success_ends_the_benchmark():
    failing = {EIGHT: lambda seconds: Sample((), 1, {"503": 4})}
    with pytest.raises(InferenceFailed, match="503"):
        in_turns(failing, rounds=1, seconds=1, progress=lambda line: None)


def test_ratios_are_taken_within_a_round():
    samples = {
        EACH: [Sample((0.1,) * 10, 1), Sample((0.1,) * 20, 1)],
        ALL: [Sample((0.1,) * 9, 1), Sample((0.2,) * 9, 1)],
        ONE: [Sample((0.3,) * 9, 1), Sample((0.5,) * 9, 1)],
        EIGHT: [Sample((0.1,) * 9, 1, {"503": 1}), Sample((0.3,) * 16, 1, {"503": 2})],
        EXPLAIN_EACH: [Sample((0.1,) * 5, 1), Sample((0.1,) * 5, 1)],
        EXPLAIN_ALL: [Sample((0.1,) * 5, 1), Sample((0.1,) * 5, 1)],
        EXPLAIN_EIGHT: [Sample((0.1,) * 3, 1), Sample((0.1,) * 4, 1)],
    }
    served = figures(EIGHT, samples)
    assert (served.share_of_bare.min, served.share_of_bare.max) == (0.8, 0.9)
    assert (served.errors, served.latency_ms.count) == ({"503": 3}, 25)
    assert served.behind_bare_ms is None
    explained = figures(EXPLAIN_EIGHT, samples)
    assert (explained.times_classify.min, explained.times_classify.max) == (3, 4)
    behind = figures(ONE, samples).behind_bare_ms
    assert (behind.min, behind.max) == (pytest.approx(200), pytest.approx(300))


def test_tables_show_errors_and_leave_out_unknown_memory(report):
    changed = {**report, "memory": {}}
    changed["figures"] = [{**item, "errors": {"503": 2}} for item in report["figures"]]
    text = tables(as_report(changed))
    assert "2 x 503" in text
    assert "resident MB" not in text
    assert "resident MB" in tables(as_report(report))


def test_every_row_of_a_table_has_the_same_width(report):
    text = tables(as_report(report))
    for table in text.split("\n\n")[2:]:
        assert len({len(line) for line in table.splitlines()}) == 1


def test_a_server_that_ends_before_it_is_ready_is_told(copy_bundle):
    folder = copy_bundle()
    (folder / "golden.npz").unlink()
    with pytest.raises(ModelNotReady, match="exit code 78"), server_process(folder, {}):
        pass


def test_memory_is_unknown_where_the_system_does_not_say(tmp_path):
    assert memory(1, tmp_path) is None


def test_memory_is_that_of_a_process_and_all_it_started(tmp_path):
    for pid, parent in ((7, 1), (8, 7), (9, 8), (10, 1)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (an (odd) name) S {parent} 0")
        (tmp_path / str(pid) / "smaps_rollup").write_text(
            "00-ff ---p [rollup]\nRss:     20 kB\nPss: 10 kB\n"
        )
    assert process_tree(7, tmp_path) == [7, 8, 9]
    assert memory(7, tmp_path) == Memory(3 * 20480, 3 * 10240)
    assert memory(10, tmp_path) == Memory(20480, 10240)


def test_the_processor_has_a_name(tmp_path):
    cpu_info = tmp_path / "cpuinfo"
    assert processor(cpu_info)
    cpu_info.write_text("processor\t: 0\nmodel name\t: Fast One\n")
    assert processor(cpu_info) == "Fast One"
