"""Compiled stages: every one of them runs compiled, in its own graph; in a process without checked annotations."""

import os
import subprocess
import sys
from pathlib import Path

import cmmd

SCRIPT = """
import torch
from torch._dynamo.utils import counters
from small_training import ALL_KINDS, batch_config, small_clips
from cmmd.models.coupled_unet import CoupledUNet
from cmmd.models.network_config import NetworkConfig
from cmmd.training.batch import draw_batch
from cmmd.training.cmmd_losses import cmmd_losses
from cmmd.training.compiled_stages import compile_stages

calls = []

def backend(graph, inputs):
    def run(*arguments):
        calls.append(graph)
        return graph(*arguments)
    return run

# No two stages alike: 13 a U-Net, as in the recipes of the paper.
network = NetworkConfig(
    video_widths=(8, 16, 24), audio_widths=(16, 24, 32), blocks_per_level=2, heads=2, message_width=8
)
model = CoupledUNet(frames=8, latent_channels=2, latent_size=4, mels=16, network=network)
stages = compile_stages(model, backend=backend)
config = batch_config(size=4, network=network, contrastive=ALL_KINDS)
for step in range(2):
    calls.clear()
    batch = draw_batch(small_clips(), config, seed=0, step=step)
    cmmd_losses(model, batch, contrastive=config.contrastive)["loss"].total.backward()
    graphs, used = counters["stats"]["unique_graphs"], len(set(map(id, calls)))
    print(stages, len(calls), graphs, used, dict(counters["graph_break"]))
"""


def test_every_stage_runs_compiled_and_no_graph_is_made_twice():
    # The package under test, which need not be the one that is installed.
    search_path = os.pathsep.join(["tests/training", str(Path(cmmd.__file__).parents[1])])
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": search_path, "OMP_NUM_THREADS": "1", "PATH": "", "HF_HUB_OFFLINE": "1"},
    )
    lines = run.stdout.split("\n")[:2]
    assert len(lines) == 2 and lines[0], run.stderr[-2000:]
    stages, calls, graphs, used, breaks = lines[0].split(maxsplit=4)
    assert stages == "26" and breaks == "{}"
    # Each call of a stage goes to a graph; stages of one make share theirs, which is why there may be fewer graphs.
    assert calls == stages
    assert 14 < int(graphs) <= 26 and used == graphs
    assert lines[1] == lines[0], "no graph is made after the first step"
