"""What the comparison with other servers rests on: the same work, fair turns, honest verdicts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from service.benchmarking.pictures import Picture, encoded, photograph, small_png
from service.benchmarking.sample import Sample
from service.errors import InferenceFailed, ModelNotReady
from service.settings import EMBEDDED_BUNDLES
from tests.rivals.answer import Best, check, of_list, of_open_inference, of_predictions
from tests.rivals.contender import RIVALS, SERVERS
from tests.rivals.measurement import BARE, Cell, expected_best
from tests.rivals.process import pause, resume, server
from tests.rivals.report import AHEAD, BEHIND, NOT_SHOWN, verdicts

EMBEDDED = EMBEDDED_BUNDLES / "cifar10" / "1"


JPEG = Picture("JPEG 60 x 45", encoded(photograph(60, 45, grain=4), "JPEG"))  # is cropped


@pytest.mark.parametrize("picture", [small_png(), JPEG], ids=lambda picture: picture.name)
def test_the_rivals_do_the_work_that_the_bundle_asks_for(
    picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(SERVERS)
    from picture_classifier import PictureClassifier

    answer = PictureClassifier(EMBEDDED, threads=1).classify(picture.data)
    check("the rivals' work", of_predictions(answer), expected_best(EMBEDDED, picture.data))


def test_every_form_of_an_answer_is_read() -> None:
    document = {"predictions": [{"label": "cat", "probability": 0.5}]}
    text = '{"predictions": [{"label": "cat", "probability": 0.5}]}'
    cat = Best("cat", 0.5)
    assert of_predictions(document) == cat
    assert of_list([document]) == cat
    assert of_open_inference({"outputs": [{"data": [text]}]}) == cat


@pytest.mark.parametrize("other", [Best("dog", 0.5), Best("cat", 0.498)])
def test_a_server_that_does_other_work_is_not_measured(other: Best) -> None:
    with pytest.raises(InferenceFailed, match=r"Rival answers .* not do the same work"):
        check("Rival", other, Best("cat", 0.5))


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.key)
def test_every_rival_has_a_server_and_a_pinned_version(rival) -> None:
    assert (SERVERS / rival.script).is_file()
    assert rival.version.startswith(f"{rival.package} ")


@pytest.mark.parametrize(
    ("ours", "verdict"), [((11, 12), AHEAD), ((8, 9), BEHIND), ((9, 12), NOT_SHOWN)]
)
def test_ahead_is_only_who_was_ahead_of_the_best_in_every_round(ours, verdict: str) -> None:
    samples = {
        Cell(BARE, 8): samples_of(20, 20),
        Cell("Vitrine", 8): samples_of(*ours),
        Cell("slow", 8): samples_of(1, 1),
        Cell("fast", 8): samples_of(10, 10),
    }
    (found,) = verdicts(samples)
    assert (found.best, found.is_ahead) == ("fast", verdict)


def test_a_server_that_ends_before_it_answers_says_what_it_wrote() -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such model')"]
    with (
        pytest.raises(ModelNotReady, match="no such model"),
        server(command, SERVERS, ("127.0.0.1", 1), lambda: False),
    ):
        pass


def test_a_paused_server_stands_still_and_ends_all_the_same() -> None:
    spin = [sys.executable, "-c", "while True: pass"]
    with server(spin, SERVERS, ("127.0.0.1", 1), lambda: True) as running:
        state = Path(f"/proc/{running.pid}/stat")
        pause(running.pid)
        while state_of(state) != "T":
            pass
        resume(running.pid)
        while state_of(state) == "T":
            pass
        pause(running.pid)
    assert not state.exists()


def samples_of(*rates: int) -> list[Sample]:
    return [Sample(latencies_seconds=(0.1,) * rate, seconds=1) for rate in rates]


def state_of(statistics: Path) -> str:
    return statistics.read_text().rpartition(")")[2].split()[0]
