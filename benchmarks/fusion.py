"""What each kind of fusion costs: time, operations, memory and parameters of a whole step, over clip lengths.

    python benchmarks/fusion.py FOLDER --picture PICTURE.png

A step is one pass of both U-Nets over the whole clip (sampling cuts long clips into windows), the pass of one of them
on an encoded condition, or a training step. Passes of all kinds are interleaved, so that ratios are those of one run.
It goes on where it was interrupted.
"""

import argparse
import ctypes
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from cmmd.clips.geometry import Geometry
from cmmd.markdown import markdown_table
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig
from cmmd.provenance import provenance
from cmmd.recipes.paper import aist_cmmd
from cmmd.recipes.world import world_cmmd
from cmmd.training.throughput import matrix_product_speed

SIZES = {"shipped": world_cmmd().network, "base": aist_cmmd().network}
KINDS: dict[str, dict[str, Any]] = {
    "easy": {},
    "low rank": {"message_reduction": "low_rank"},
    "mean": {"message_reduction": "mean"},
    "random shift": {"fusion": "random_shift"},
    "attention": {"fusion": "attention"},
    "none": {"fusion": "none"},
}
SECONDS = (1.6, 6.4, 25.6, 102.4)
PASSES = ("both", "sound", "video", "training")
HEAD = (
    "",
    "fusion",
    "time",
    "over easy (quartiles)",
    "fusion's share",
    "GFLOP",
    "of peak",
    "peak memory",
    "parameters of fusion",
)


class Case(NamedTuple):
    """pixels: side of a frame. what: one of PASSES."""

    size: str
    pixels: int
    seconds: float
    batch: int
    what: str

    @property
    def name(self) -> str:
        return f"{self.size}-{self.pixels}px-{self.seconds:g}s-batch{self.batch}-{self.what}"


class Step:
    """One kind of fusion in one case, on noise."""

    def __init__(self, case: Case, kind: str, *, device: str = "cpu") -> None:
        geometry = Geometry(image_size=case.pixels)
        network: NetworkConfig = replace(SIZES[case.size], **KINDS[kind])
        frames = round(case.seconds * geometry.fps)
        torch.manual_seed(0)
        with torch.device(device):
            self.unet = CoupledUNet(frames=16, latent_size=geometry.latent_size, mels=geometry.mels, network=network)
            size = geometry.latent_size
            self.video = torch.randn(case.batch, 4, frames, size, size)
            self.audio = torch.randn(case.batch, 1, geometry.mels, geometry.spectrogram_frames_of(frames))
            self.t = torch.full((case.batch,), 0.5)
            self.what = case.what
            self.unet.train(case.what == "training")
            with torch.no_grad():
                self.condition = None
                if case.what == "sound":
                    self.condition = self.unet.encode_condition(self.video, modality="video")
                elif case.what == "video":
                    self.condition = self.unet.encode_condition(self.audio, modality="audio")

    @property
    def fusion_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.unet.fusions.parameters())

    def __call__(self) -> None:
        if self.what == "training":
            predicted = self.unet(self.video, self.audio, t_video=self.t, t_audio=self.t)
            (predicted.video.square().mean() + predicted.audio.square().mean()).backward()
            self.unet.zero_grad(set_to_none=True)
            return
        with torch.no_grad():
            if self.what == "both":
                self.unet(self.video, self.audio, t_video=self.t, t_audio=self.t)
            elif self.what == "sound":
                self.unet.predict(self.audio, modality="audio", t=self.t, condition=self.condition)
            else:
                self.unet.predict(self.video, modality="video", t=self.t, condition=self.condition)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=["shipped"])
    parser.add_argument("--pixels", nargs="+", type=int, default=[64])
    parser.add_argument("--seconds", nargs="+", type=float, default=list(SECONDS))
    parser.add_argument("--batches", nargs="+", type=int, default=[1])
    parser.add_argument("--passes", nargs="+", choices=PASSES, default=["both", "sound"])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--longest", type=float, default=30.0, help="seconds: a pass that took longer is not repeated")
    parser.add_argument("--threads", type=int, help="default: torch's own choice")
    parser.add_argument("--picture", type=Path, help="time over clip length, to draw")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    cases = [
        Case(size, pixels, seconds, batch, what)
        for size in arguments.sizes
        for pixels in arguments.pixels
        for batch in arguments.batches
        for what in arguments.passes
        for seconds in arguments.seconds
    ]
    found = {case: measured(case, arguments.folder, arguments.repeats, arguments.longest) for case in cases}
    print(table(found))
    if arguments.picture:
        draw(found, arguments.picture)


def measured(case: Case, folder: Path, repeats: int, longest: float) -> dict[str, dict[str, Any]]:
    """By kind: median seconds, ratio to easy with its quartiles, share, operations, memory; measured once."""
    file = folder / f"{case.name}.json"
    if not file.exists():
        steps = {kind: Step(case, kind) for kind in KINDS}
        rows: dict[str, dict[str, Any]] = {}
        for kind, step in steps.items():
            rows[kind] = {"parameters": step.fusion_parameters, "flops": operations(case, kind)}
            rows[kind] |= {"mib": peak_memory(step), "first": timed(step)}
        quick = {kind: step for kind, step in steps.items() if rows[kind]["first"] <= longest}
        rounds = max(3, min(repeats, int(20 * longest / sum(rows[kind]["first"] for kind in quick))))
        turns = [{kind: timed(step) for kind, step in quick.items()} for _ in range(rounds)]
        peak = matrix_product_speed(torch.device("cpu"), torch.float32)
        for kind in quick:
            rows[kind] |= compared(kind, turns)
            rows[kind]["of_peak"] = rows[kind]["flops"] / rows[kind]["seconds"] / peak
        record = provenance({"case": case._asdict(), "rounds": rounds}, seed=0)
        record |= {"peak": peak, "bandwidth": memory_bandwidth(), "threads": torch.get_num_threads(), "kinds": rows}
        file.write_text(json.dumps(record, indent=1) + "\n")
    return json.loads(file.read_text())["kinds"]


def timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def compared(kind: str, turns: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Medians over the rounds; ratios are taken within a round."""
    ratios = [turn[kind] / turn["easy"] for turn in turns]
    return {
        "seconds": statistics.median(turn[kind] for turn in turns),
        "ratio": statistics.median(ratios),
        "quartiles": statistics.quantiles(ratios, n=4)[::2],
        "share": statistics.median(1 - turn["none"] / turn[kind] for turn in turns),
    }


def operations(case: Case, kind: str) -> int:
    """Counted on tensors without values; attention as the products that it is made of."""
    step = Step(case, kind, device="meta")
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def peak_memory(step: Step) -> float:
    """MiB that a pass takes beyond the network and its input; Linux tells it."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before = resident("VmRSS:")
    step()
    return round((resident("VmHWM:") - before) / 1024)


def resident(name: str) -> int:
    """KiB."""
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index(name) + 1])


def memory_bandwidth() -> float:
    """Bytes a second that copying reads and writes, the fastest of a few times."""
    source = torch.randn(64 * 2**20)
    target: Tensor = torch.empty_like(source)
    return 2 * source.nbytes / min(timed(lambda: target.copy_(source)) for _ in range(5))


def table(found: dict[Case, dict[str, dict[str, Any]]]) -> str:
    rows = []
    for case, kinds in found.items():
        for kind, row in kinds.items():
            cells = [f"{row['first']:.1f} s, once", "-", "-"]
            if "seconds" in row:
                low, high = row["quartiles"]
                ratio = f"{row['ratio']:.2f} ({low:.2f}-{high:.2f})"
                cells = [f"{1000 * row['seconds']:.1f} ms", ratio, f"{row['share']:.3f}"]
            cells += [f"{row['flops'] / 1e9:.1f}", f"{row['of_peak']:.2f}" if "of_peak" in row else "-"]
            cells += [f"{row['mib']:.0f} MiB", f"{row['parameters'] / 1e6:.2f} M"]
            rows.append((case.name, kind, *cells))
    return markdown_table(rows, head=HEAD)


def draw(found: dict[Case, dict[str, dict[str, Any]]], picture: Path) -> None:
    """Time over clip length, a panel a size, picture, batch and pass."""
    panels = list(dict.fromkeys(case._replace(seconds=0) for case in found))
    figure = Figure(figsize=(4.2 * len(panels), 3.6), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        cases = [case for case in found if case._replace(seconds=0) == panel]
        for kind in KINDS:
            points = [(case.seconds, found[case][kind].get("seconds", found[case][kind]["first"])) for case in cases]
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3.5, label=kind)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(f"{panel.size}, {panel.pixels} px, batch {panel.batch}, {panel.what}", fontsize=10)
        axes.set_xlabel("clip, seconds")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("seconds a pass")
    figure.axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main()
