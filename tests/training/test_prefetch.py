"""Batches come in order, one ahead, and an error comes where it belongs."""

import threading

import pytest

from cmmd.training.prefetch import prefetched


def test_batches_come_in_order_and_are_drawn_elsewhere():
    threads = set()

    def draw(step: int) -> int:
        threads.add(threading.current_thread().name)
        return step * step

    assert list(prefetched(draw, start=3, stop=7)) == [9, 16, 25, 36]
    assert list(prefetched(draw, start=7, stop=7)) == []
    assert threads and threading.current_thread().name not in threads


def test_the_next_batch_is_being_drawn_while_one_is_used():
    second = threading.Event()

    def draw(step: int) -> int:
        if step == 1:
            second.set()
        return step

    batches = prefetched(draw, start=0, stop=3)
    assert next(batches) == 0
    assert second.wait(timeout=10)
    batches.close()  # pyright: ignore[reportAttributeAccessIssue]


def test_an_error_is_raised_at_its_step():
    def draw(step: int) -> int:
        if step == 2:
            raise ValueError("no batch 2")
        return step

    batches = prefetched(draw, start=0, stop=4)
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(ValueError, match="no batch 2"):
        next(batches)
