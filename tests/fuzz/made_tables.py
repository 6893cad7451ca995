"""Every kind of table and note that a command reads, whole, and what reads it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch

from cmmd.data.prepared_clips import PreparedClips
from cmmd.data.preparing.aist import read_ignored
from cmmd.data.preparing.epic_sounds import list_epic_sounds
from cmmd.data.preparing.manifest import list_manifest
from cmmd.data.preparing.request import with_splits
from cmmd.data.preparing.vas import list_vas
from cmmd.data.shards import ClipRecord, EncodedClip, write_index, write_shard
from cmmd.evaluation.measuring.pairing import list_clips
from cmmd.evaluation.record.schema import read_record
from cmmd.files.configuration import read_settings, resolve, to_yaml
from cmmd.recipes import load_recipe
from cmmd.study.analyse import evaluate
from cmmd.study.answers import read_all
from cmmd.study.key import Key, read_key
from cmmd.study.plan import plan_study
from cmmd.study.results import AnalyseOptions

RECIPES = ("world.tiny", "folder.cmmd", "world.autoencoder", "world.events", "world.visual_events")


@dataclass(frozen=True, slots=True)
class Kind:
    """file: what is spoilt, in a folder that `make` fills. read: what must give a result or an InputError."""

    file: str
    make: Callable[[Path], None]
    read: Callable[[Path], object]


def _text(name: str, text: str) -> Callable[[Path], None]:
    return _touched(name, text)


def _touched(name: str, text: str, *others: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / name).write_text(text, encoding="utf-8")
        for other in others:
            (folder / other).touch()

    return make


def _key() -> Key:
    plan = plan_study(["one", "two", "three"], ["a", "b"], pairs=3, ratings=3, checks=1, seed=0)
    return Key(
        study="0123456789ab",
        title="A study",
        questions=("sound", "sync"),
        systems=("a", "b"),
        items=("one", "two", "three"),
        headphones=2,
        forced=False,
        media=plan.media,
        trials=plan.trials,
        provenance={},
    )


def _study(folder: Path) -> None:
    key = _key()
    (folder / "key.json").write_text(json.dumps(asdict(key)))
    answers = {
        name: {
            "shown": trial.media,
            "values": dict.fromkeys(key.questions, trial.asks_for or 1 + 2 * (index % 2)),
            "broken": False,
        }
        for index, (name, trial) in enumerate(key.trials.items())
    }
    for rater in ("x", "y"):
        saved = {
            "format": "cmmd study answers 1",
            "study": key.study,
            "rater": rater,
            "asked": list(key.trials),
            "headphones": [{"quiet": 1, "picked": 1}] * 2,
            "answers": answers,
        }
        (folder / f"{rater}.json").write_text(json.dumps(saved))


def _analyse(folder: Path) -> object:
    key = read_key(folder / "key.json")
    files = folder / "x.json", folder / "y.json"
    read_all(files, key)
    return evaluate(files, key, AnalyseOptions(resamples=10))


def _shards(folder: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    clips = []
    for number, split in enumerate(("train", "train", "validation")):
        record = ClipRecord(
            name=f"{number}.mp4",
            source=f"{number}.mp4",
            start=0.0,
            frames=4,
            labels=("knock",),
            split=split,
            group=f"{number}",
            digest=f"{number}",
        )
        video = torch.randn(4, 4, 2, 2, generator=generator).half()
        clips.append(EncodedClip(record, video, torch.randn(1, 8, 32, generator=generator).half()))
    write_shard(folder, 0, clips, [("x.mp4", "silent")], key="key")
    geometry = {"fps": 10, "frames": 4, "sample_rate": 16_000, "mels": 8, "image_size": 16}
    settings = {"autoencoder": "shipped", "autoencoder_sha256": "0", "codec": "log_mel", "mirror": False}
    write_index(folder, shards=1, settings=settings | {"geometry": geometry}, skipped=[])


def _open_shards(folder: Path) -> object:
    clips = PreparedClips.open(folder)
    batch = clips.batch(2, seed=0, step=0)
    return clips.crops(batch, frames=2, start=torch.zeros(2))


def _manifest(name: str, folder: Path) -> object:
    return with_splits(list_manifest(folder / name, seconds=1.6), validation=0.1)


def _record(folder: Path) -> None:
    from made_record import made_record

    from cmmd.evaluation.record.schema import write_record

    write_record(made_record(), folder)


def _write_settings(recipe: str, folder: Path) -> None:
    (folder / "run.yaml").write_text(to_yaml(load_recipe(recipe)))


def _settings(recipe: str, folder: Path) -> object:
    read_settings(folder / "run.yaml")
    return resolve(load_recipe(recipe), file=folder / "run.yaml", overrides=())


EPIC = (
    "annotation_id,participant_id,video_id,start_timestamp,stop_timestamp,class\n"
    "P01_01_0,P01,P01_01,00:00:01.089,00:00:03.200,rustle\nP01_01_1,P01,P01_01,00:00:02.000,00:00:20.000,knock\n"
)
PAIRS = ('{"name": "one", "file": "1.mp4", "events": [0.5, 1.25], "group": "g"}\n'
         '{"name": "two", "file": "2.mp4", "events": null}\n')  # fmt: skip
KINDS: dict[str, Kind] = {
    "manifest csv": Kind(
        "clips.csv",
        _text("clips.csv", "file,start,end,label,split,group\na.mp4,,,knock,train,a\nb.mp4,1.5,5,drum,test,b\n"),
        partial(_manifest, "clips.csv"),
    ),
    "manifest jsonl": Kind(
        "clips.jsonl",
        _text(
            "clips.jsonl",
            '{"file": "a.mp4", "label": "x"}\n{"file": "b.mp4", "start": 1.5, "end": 5, "sound": "b.wav"}\n',
        ),
        partial(_manifest, "clips.jsonl"),
    ),
    "epic": Kind(
        "epic.csv",
        _touched("epic.csv", EPIC, "P01_01.MP4"),
        lambda folder: list_epic_sounds(folder, [folder / "epic.csv"], seconds=1.6),
    ),
    "aist": Kind(
        "ignored.txt",
        _text("ignored.txt", "gBR_sBM_cAll_d04_mBR0_ch01\ngPO_sBM_cAll_d04_mPO1_ch02\n"),
        lambda folder: read_ignored(folder / "ignored.txt"),
    ),
    "vas": Kind(
        "MANIFEST.csv",
        _text("MANIFEST.csv", "clip,source_video,video,real_logmel_png\nc,s,c.mp4,c.png\nd,s,d.mp4,d.png\n"),
        list_vas,
    ),
    "pairs csv": Kind(
        "list.csv",
        _text("list.csv", "name,file,events,group\none,1.mp4,0.5 0.25,g\ntwo,2.mp4,,\n"),
        lambda folder: list_clips(folder / "list.csv"),
    ),
    "pairs jsonl": Kind("list.jsonl", _text("list.jsonl", PAIRS), lambda folder: list_clips(folder / "list.jsonl")),
    "events": Kind(
        "a.json",
        _touched("a.json", '{"family": "impacts", "events": [{"time": 0.7}, {"time": 0.2}]}', "a.mp4"),
        list_clips,
    ),
    "key": Kind("key.json", _study, _analyse),
    "answers": Kind("x.json", _study, _analyse),
    "record": Kind("record.json", _record, read_record),
    "index": Kind("index.json", _shards, _open_shards),
    "shard": Kind("shard-00000.json", _shards, _open_shards),
    "tensors": Kind("shard-00000.safetensors", _shards, _open_shards),
}
SETTINGS: dict[str, Kind] = {
    recipe: Kind("run.yaml", partial(_write_settings, recipe), partial(_settings, recipe)) for recipe in RECIPES
}
