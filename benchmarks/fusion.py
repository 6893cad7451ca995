"""Measures the cost of each kind of fusion: time, FLOPs, memory and parameters of a whole step, over clip lengths.

    python benchmarks/fusion.py FOLDER --picture PICTURE.png

A step is one pass of both U-Nets over the whole clip (sampling cuts long clips into windows), one pass of a single
U-Net on an encoded condition, or a training step. The kinds take turns, so that ratios are within one run. An
interrupted run resumes. With `--dtype bfloat16` the weights are bfloat16, except in a training step, which has float32
weights and runs under autocast. A kind that does not fit in GPU memory has no time.
"""

import ctypes
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from harness import options, stored
from matplotlib.figure import Figure
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from cmmd.clips.geometry import Geometry
from cmmd.documents.markdown import markdown_table
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig
from cmmd.recipes.paper import aist_cmmd
from cmmd.recipes.world import world_cmmd
from cmmd.runtime.provenance import provenance
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


class Case(NamedTuple):
    """size: one of SIZES. pixels: side of a frame. seconds: clip length. batch: clips. what: one of PASSES. device: cpu
    or cuda. dtype: float32 or bfloat16."""

    size: str
    pixels: int
    seconds: float
    batch: int
    what: str
    device: str = "cpu"
    dtype: str = "float32"

    @property
    def name(self) -> str:
        name = f"{self.size}-{self.pixels}px-{self.seconds:g}s-batch{self.batch}-{self.what}"
        return name + "".join(f"-{what}" for what in (self.device, self.dtype) if what not in ("cpu", "float32"))

    @property
    def precision(self) -> torch.dtype:
        return getattr(torch, self.dtype)


class Step:
    """A step of one kind of fusion in one case. Its input is noise. Call the object to run the step."""

    def __init__(self, case: Case, kind: str, device: str) -> None:
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
            self.case, self.what, self.device = case, case.what, device
            self.unet.train(case.what == "training")
            if case.what != "training" and case.dtype == "bfloat16":
                self.unet.bfloat16()
                self.video, self.audio = self.video.bfloat16(), self.audio.bfloat16()
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
            kind = "cpu" if self.device == "meta" else self.device
            with torch.autocast(kind, torch.bfloat16, enabled=self.case.dtype == "bfloat16"):
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
    parser = options(__doc__, "folder")
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=["shipped"])
    parser.add_argument("--pixels", nargs="+", type=int, default=[64])
    parser.add_argument("--seconds", nargs="+", type=float, default=list(SECONDS))
    parser.add_argument("--batches", nargs="+", type=int, default=[1])
    parser.add_argument("--passes", nargs="+", choices=PASSES, default=["both", "sound"])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--longest", type=float, default=30.0, help="seconds: a pass that took longer is not repeated")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, help="default: torch's own choice")
    parser.add_argument("--picture", type=Path, help="time over clip length, to draw")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    cases = [
        Case(size, pixels, seconds, batch, what, arguments.device, arguments.dtype)
        for size in arguments.sizes
        for pixels in arguments.pixels
        for batch in arguments.batches
        for what in arguments.passes
        for seconds in arguments.seconds
    ]
    found = {case: measured(case, arguments.folder, arguments.repeats, arguments.longest) for case in cases}
    print(tables(found))
    if arguments.picture:
        draw(found, arguments.picture)


def measured(case: Case, folder: Path, repeats: int, longest: float) -> dict[str, dict[str, Any]]:
    """Returns for each kind: FLOPs; if it fits in memory, fusion parameters, peak memory (MiB) and seconds of the first
    pass; if passes were repeated, the figures of `compared` and the share of the peak.

    The result is stored in the folder and not measured again.
    """

    def measure() -> dict[str, Any]:
        device = torch.device(case.device)
        rows: dict[str, dict[str, Any]] = {}
        quick: dict[str, Step] = {}
        for kind in KINDS:
            rows[kind] = {"flops": operations(case, kind)}
            try:
                step = Step(case, kind, case.device)
                rows[kind] |= {"parameters": step.fusion_parameters, "mib": peak_memory(step)}
                rows[kind]["first"] = timed(step, device)
            except torch.OutOfMemoryError:
                continue
            if rows[kind]["first"] <= longest:
                quick[kind] = step
        if not {"easy", "none"} <= set(quick):
            quick = {}  # ratios and shares need easy and none
        together = sum(rows[kind]["first"] for kind in quick)
        rounds = max(3, min(repeats, int(20 * longest / together))) if quick else 0
        turns = [{kind: timed(step, device) for kind, step in quick.items()} for _ in range(rounds)]
        peak = matrix_product_speed(device, case.precision)
        for kind in quick:
            rows[kind] |= compared(kind, turns)
            rows[kind]["of_peak"] = rows[kind]["flops"] / rows[kind]["seconds"] / peak
        record = provenance({"case": case._asdict(), "rounds": rounds}, seed=0)
        record |= {"peak": peak, "bandwidth": memory_bandwidth(device), "device": name_of(device)}
        return record | {"threads": torch.get_num_threads(), "kinds": rows}

    return stored(folder / f"{case.name}.json", measure)["kinds"]


def name_of(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def timed(call: Callable[[], object], device: torch.device) -> float:
    started = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def compared(kind: str, turns: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Returns median seconds, median and quartiles of the ratio to easy fusion, and the share of the time spent on
    fusion. Ratios and shares are computed within each round."""
    ratios = [turn[kind] / turn["easy"] for turn in turns]
    return {
        "seconds": statistics.median(turn[kind] for turn in turns),
        "ratio": statistics.median(ratios),
        "quartiles": statistics.quantiles(ratios, n=4)[::2],
        "share": statistics.median(1 - turn["none"] / turn[kind] for turn in turns),
    }


def operations(case: Case, kind: str) -> int:
    """Returns the FLOPs of a step, counted on the meta device. Attention counts as its matrix products."""
    step = Step(case, kind, "meta")
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def peak_memory(step: Step) -> float:
    """Returns the peak memory of a pass beyond the network and its input, in MiB, as reported by the GPU allocator or,
    on the CPU, by Linux."""
    if step.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return round((torch.cuda.max_memory_allocated() - before) / 2**20)
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = resident("VmRSS:")
    step()
    return round((resident("VmHWM:") - before) / 1024)


def resident(name: str) -> int:
    """Returns a memory figure of this process, in KiB."""
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index(name) + 1])


def memory_bandwidth(device: torch.device) -> float:
    """Returns the bytes per second that a copy reads and writes, for the fastest of five copies."""
    source = torch.randn(64 * 2**20, device=device)
    target: Tensor = torch.empty_like(source)
    return 2 * source.nbytes / min(timed(lambda: target.copy_(source), device) for _ in range(5))


def tables(found: dict[Case, dict[str, dict[str, Any]]]) -> str:
    """Returns two Markdown tables, one row per case: the time of easy fusion and the ratios of the others to it; then
    FLOPs, peak memory and fusion parameters of each kind."""
    others = [kind for kind in KINDS if kind != "easy"]
    times, contents = [], []
    for case, kinds in found.items():
        easy = kinds["easy"]
        times.append((case.name, *_time_cells(easy), *(_ratio_cell(kinds[kind], easy) for kind in others)))
        contents.append((case.name, *(_content_cell(kinds[kind]) for kind in KINDS)))
    head = ("", "easy", "its fusion's share", "of peak", *(f"{kind}, over easy (quartiles)" for kind in others))
    legend = "GFLOP a pass, peak MiB, million parameters of fusion:"
    return "\n\n".join([markdown_table(times, head=head), legend, markdown_table(contents, head=("", *KINDS))])


def _time_cells(easy: dict[str, Any]) -> list[str]:
    if "seconds" not in easy:
        return [f"{easy['first']:.1f} s, once" if "first" in easy else "no memory", "-", "-"]
    return [f"{1000 * easy['seconds']:.1f} ms", f"{easy['share']:.3f}", f"{easy['of_peak']:.2f}"]


def _ratio_cell(row: dict[str, Any], easy: dict[str, Any]) -> str:
    if "ratio" in row:
        low, high = row["quartiles"]
        return f"{row['ratio']:.2f} ({low:.2f}-{high:.2f})"
    if "first" not in row:
        return "no memory"
    return f"{row['first'] / easy.get('seconds', easy['first']):.1f}, once"


def _content_cell(row: dict[str, Any]) -> str:
    known = [f"{row['flops'] / 1e9:.1f}"]
    known += [f"{row['mib']:.0f}" if "mib" in row else "-"]
    known += [f"{row['parameters'] / 1e6:.2f}" if "parameters" in row else "-"]
    return ", ".join(known)


def draw(found: dict[Case, dict[str, dict[str, Any]]], picture: Path) -> None:
    """Plots seconds per pass (top) and share of the peak (bottom) over clip length, one column per combination of the
    other settings."""
    panels = list(dict.fromkeys(case._replace(seconds=0) for case in found))
    figure = Figure(figsize=(4.2 * len(panels), 6.6), layout="constrained")
    rows = figure.subplots(2, len(panels), squeeze=False, sharex=True)
    for column, panel in enumerate(panels):
        cases = [case for case in found if case._replace(seconds=0) == panel]
        for kind in KINDS:
            known = [(case.seconds, found[case][kind]) for case in cases]
            taken = [(at, row.get("seconds", row.get("first"))) for at, row in known if "first" in row]
            reached = [(at, row["of_peak"]) for at, row in known if "of_peak" in row]
            for axes, points in zip(rows[:, column], (taken, reached), strict=True):
                if points:
                    axes.plot(*zip(*points, strict=True), marker="o", markersize=3.5, label=kind)
        upper, lower = rows[:, column]
        upper.set_yscale("log")
        upper.set_title(f"{panel.size}, {panel.pixels} px, batch {panel.batch}, {panel.what}", fontsize=10)
        lower.set_ylim(bottom=0)
        lower.set_xscale("log")
        lower.set_xlabel("clip, seconds")
        for axes in (upper, lower):
            axes.grid(alpha=0.3)
    rows[0, 0].set_ylabel("seconds a pass")
    rows[1, 0].set_ylabel("share of the peak")
    rows[0, 0].legend(frameon=False, fontsize=8)
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main()
