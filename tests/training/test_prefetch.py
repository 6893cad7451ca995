"""Batches come in order, one ahead, and an error comes where it belongs."""

import threading

import pytest

from cmmd.training.prefetch import batches


def test_batches_come_in_order_and_are_drawn_where_they_should():
    threads = set()

    def draw(step: int) -> int:
        threads.add(threading.current_thread().name)
        return step * step

    own = threading.current_thread().name
    for ahead in (True, False):
        threads.clear()
        assert list(batches(draw, start=3, stop=7, ahead=ahead)) == [9, 16, 25, 36]
        assert list(batches(draw, start=7, stop=7, ahead=ahead)) == []
        assert len(threads) == 1 and (own in threads) is not ahead


def test_the_next_batch_is_being_drawn_while_one_is_used():
    second = threading.Event()

    def draw(step: int) -> int:
        if step == 1:
            second.set()
        return step

    drawn = batches(draw, start=0, stop=3, ahead=True)
    assert next(drawn) == 0
    assert second.wait(timeout=10)
    drawn.close()  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("ahead", [True, False])
def test_an_error_is_raised_at_its_step(ahead):
    def draw(step: int) -> int:
        if step == 2:
            raise ValueError("no batch 2")
        return step

    drawn = batches(draw, start=0, stop=4, ahead=ahead)
    assert [next(drawn), next(drawn)] == [0, 1]
    with pytest.raises(ValueError, match="no batch 2"):
        next(drawn)
