"""Few batch sizes, so that each is warm: cut on a CPU, padded on a GPU."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.batch_sizes import BatchSizes


def test_the_usual_sizes_end_at_the_largest() -> None:
    assert BatchSizes.up_to(8).allowed == (1, 2, 3, 4, 6, 8)
    assert BatchSizes.up_to(10, pads=True).allowed == (1, 2, 4, 8, 10)
    assert BatchSizes.up_to(1).allowed == (1,)


def test_a_cpu_takes_fewer_rather_than_pad() -> None:
    sizes = BatchSizes.up_to(8)
    assert [sizes.taken(waiting) for waiting in (1, 3, 5, 7, 8, 100)] == [1, 3, 4, 6, 8, 8]


def test_sizes_at_which_an_image_takes_longer_are_left_out() -> None:
    sizes = BatchSizes.up_to(8)
    slower = {1: 33.0, 2: 33.9, 4: 33.1, 8: 36.0}
    assert sizes.without_slower(slower.__getitem__).allowed == (1, 2, 3, 4)
    assert sizes.without_slower({**slower, 8: 33.3}.__getitem__) == sizes
    assert sizes.without_slower(float).allowed == (1,)
    assert BatchSizes.of([1]).without_slower(float) == BatchSizes.of([1])


def test_a_size_that_was_slow_by_chance_stays() -> None:
    measured = iter([36.0, 33.0, 33.0, 33.0])  # of 8 and of 4, in turns
    sizes = BatchSizes.up_to(8)
    assert sizes.without_slower(lambda size: next(measured)) == sizes


def test_of_a_model_that_takes_long_batches_are_larger_while_an_image_is_done_sooner() -> None:
    sizes = BatchSizes.up_to(10)
    sooner = {1: 40.0, 2: 39.9, 4: 38.0, 8: 36.0, 10: 35.9}
    assert sizes.while_faster(sooner.__getitem__).allowed == (1, 2, 3, 4, 6, 8)
    assert sizes.while_faster({**sooner, 10: 34.0}.__getitem__) == sizes
    assert sizes.while_faster({**sooner, 4: 39.0}.__getitem__).allowed == (1, 2)
    assert BatchSizes.of([1]).while_faster(float) == BatchSizes.of([1])


def test_a_size_that_was_faster_in_one_of_two_turns_is_taken_and_its_first_run_not_counted() -> (
    None
):
    measured = iter([50.0, 90.0, 30.0, 30.0, 29.0, 30.0])  # 2 and 4 once; of 4 and 2, in turns
    assert BatchSizes.up_to(4).while_faster(lambda size: next(measured)) == BatchSizes.up_to(4)
    measured = iter([50.0, 20.0, 30.0, 30.0, 30.0, 30.0])
    assert BatchSizes.up_to(4).while_faster(lambda size: next(measured)).allowed == (1, 2)


def test_a_gpu_takes_what_waits_and_pads() -> None:
    sizes = BatchSizes.up_to(8, pads=True)
    assert [sizes.taken(waiting) for waiting in (1, 3, 5, 100)] == [1, 3, 5, 8]
    assert [sizes.padded(images) for images in (1, 3, 5, 8)] == [1, 4, 8, 8]


@given(
    given=st.lists(st.integers(1, 40), max_size=5), waiting=st.integers(1, 60), pads=st.booleans()
)
def test_some_are_always_taken_and_they_fit_a_size_that_is_allowed(given, waiting, pads) -> None:
    sizes = BatchSizes.of(given, pads=pads)
    taken = sizes.taken(waiting)
    assert 1 <= taken <= min(waiting, sizes.largest)
    assert sizes.padded(taken) in sizes.allowed
    if not pads:
        assert sizes.padded(taken) == taken
