"""Workers that die, hang or raise cost their own item only; results keep the order of the items."""

import os
import signal
import time
from multiprocessing.connection import wait
from pathlib import Path

import av

from cmmd.errors import InputError
from cmmd.runtime import worker_processes
from cmmd.runtime.worker_processes import Failure, map_in_workers


class Killed:
    """A result whose process is killed while it is pickled, which is when a large result needs more memory."""

    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)


def square_or_die(item: int) -> int | Killed:
    return item * item if item else Killed()


def behave(item: int | str) -> int:
    """In a worker: numbers are squared, later ones sooner; words are what goes wrong."""
    if item == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if item == "leave":
        os._exit(3)
    if item == "hang":
        time.sleep(60)
    if item == "bad input":
        raise InputError("clip.mp4: found noise")
    if item == "defect":
        raise KeyError("nothing\nhere")
    assert isinstance(item, int)
    time.sleep(0.02 * (item % 3))
    return item * item


def decode_naively(path: Path) -> int:
    """Samples, without the detour through a resampler."""
    with av.open(str(path)) as container:
        return sum(frame.to_ndarray().shape[1] for frame in container.decode(audio=0))


def test_results_keep_the_order_of_the_items():
    assert list(map_in_workers(behave, range(20), workers=3)) == [number**2 for number in range(20)]
    assert list(map_in_workers(behave, [], workers=2)) == []


def test_nothing_is_waited_for_when_no_result_is_due(monkeypatch):
    waited_for: list[int] = []
    monkeypatch.setattr(worker_processes, "wait", lambda of, timeout: waited_for.append(len(of)) or wait(of, timeout))
    assert list(map_in_workers(behave, [1, 2, 3], workers=1)) == [1, 4, 9]
    assert waited_for and min(waited_for) > 0


def test_what_goes_wrong_costs_one_item():
    items = [1, "crash", 2, "leave", "bad input", 3, "defect", 4]
    found = list(map_in_workers(behave, items, workers=2))
    assert [value for value in found if not isinstance(value, Failure)] == [1, 4, 9, 16]
    reasons = [value.reason for value in found if isinstance(value, Failure)]
    assert reasons == [
        "ended the process that read it (signal 11)",
        "ended the process that read it (exit code 3)",
        "clip.mp4: found noise",
        "KeyError: 'nothing\\nhere'",
    ]


def test_a_process_that_is_killed_while_it_sends_its_result_costs_one_item():
    found = list(map_in_workers(square_or_die, [1, 0, 2, 3, 0, 4], workers=2))
    killed = Failure("ended the process that read it (signal 9)")
    assert found == [1, killed, 4, 9, killed, 16]


def test_a_real_file_that_kills_its_decoder_costs_itself_only(data_folder):
    good = data_folder / "odd/audio_only_mono_8k.wav"
    files = [good, data_folder / "odd/dts_hd_7ch1_SEGFAULTS_to_ndarray.mkv", good]
    before, killed, after = map_in_workers(decode_naively, files, workers=1)
    assert killed == Failure("ended the process that read it (signal 11)")
    assert before == after and isinstance(before, int) and before > 0


def test_what_hangs_is_given_up():
    found = list(map_in_workers(behave, ["hang", 5], workers=1, seconds=2.0))
    assert found == [Failure("took longer than 2 s"), 25]


def test_no_more_is_under_way_than_the_workers_need():
    drawn = []

    def items():
        for number in range(50):
            drawn.append(number)
            yield number

    results = map_in_workers(behave, items(), workers=2)
    assert next(results) == 0
    assert len(drawn) <= 6
    results.close()  # pyright: ignore[reportAttributeAccessIssue]
