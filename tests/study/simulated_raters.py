"""Simulated raters: crossed random effects of raters and items on a known effect, and files as the page saves them.

As a program it fills a folder with the answers of simulated raters to a study that was built:
python tests/study/simulated_raters.py page/index.html page.key.json answers --raters 20
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np
from scipy.stats import norm

from cmmd.study.key import Key, read_key

SPREAD = 0.6
"""Deviation of the effects of a rater and of an item on the latent scale, where that of a single vote is 1."""

QUALITY = {"real": 1.6, "mismatched": 1.6}
SYNC_OF_MISMATCHED = -1.4


def simulated_votes(
    effect: float, *, raters: int, items: int, rng: np.random.Generator, spread: float = SPREAD
) -> np.ndarray:
    """1 where the first is preferred, (raters, items)."""
    lean = spread * (rng.standard_normal((raters, 1)) + rng.standard_normal((1, items)))
    return (effect + lean + rng.standard_normal((raters, items)) > 0).astype(float)


def true_share(effect: float) -> float:
    """The share among all raters and items that there could be."""
    return float(norm.cdf(effect / np.sqrt(2 * SPREAD**2 + 1)))


def page_study(page: Path) -> dict:
    """What the page knows."""
    text = re.search(r'<script type="application/json" id="study">(.*?)</script>', page.read_text(), re.DOTALL)
    assert text is not None
    return json.loads(text[1])


def simulate_rater(page: dict, key: Key, *, number: int, qualities: dict[str, float], seed: int = 0) -> dict:
    """The file that rater `number` would save. qualities: latent, a system. Every tenth rater pays no attention, and
    every fifteenth has no headphones on."""
    rng = np.random.default_rng((seed, number))
    items = np.random.default_rng(seed)
    taste = {(item, system): 0.4 * items.standard_normal() for item in key.items for system in sorted(key.systems)}
    shift, sleepy, loud = 0.4 * rng.standard_normal(), number % 10 == 9, number % 15 == 14

    def latent(item: str, system: str, question: str) -> float:
        known = SYNC_OF_MISMATCHED if (system, question) == ("mismatched", "sync") else {**QUALITY, **qualities}[system]
        return known + taste[item, system] + 0.7 * rng.standard_normal()

    def answer(name: str, swapped: bool, question: str) -> int:
        trial = key.trials[name]
        if sleepy:
            return int(rng.integers(1, 4 if trial.kind == "pair" else 6))
        if trial.asks_for is not None:
            return trial.asks_for
        if trial.kind == "rating":
            return int(np.clip(round(3 + shift + latent(trial.item, trial.systems[0], question)), 1, 5))
        lead = latent(trial.item, trial.systems[1], question) - latent(trial.item, trial.systems[0], question)
        value = 1 if lead < -0.3 else 3 if lead > 0.3 else 2
        return 4 - value if swapped else value

    entries = [entry for kind in ("pair", "rating") for entry in page["lists"][kind][number % len(page["lists"][kind])]]
    answers, asked = {}, []
    for entry in entries:
        trial, swapped = page["trials"][entry // 2], bool(entry % 2)
        asked.append(trial["id"])
        answers[trial["id"]] = {
            "shown": trial["media"][::-1] if swapped else trial["media"],
            "values": {question: answer(trial["id"], swapped, question) for question in key.questions},
        }
    tones = [{"quiet": k % 3, "picked": (k + loud) % 3} for k in range(key.headphones)]
    return {
        "format": "cmmd study answers 1",
        "study": page["study"],
        "rater": f"simulated-{number}",
        "asked": asked,
        "headphones": tones,
        "answers": answers,
    }


def write_raters(
    page: Path, key: Path, folder: Path, *, raters: int, qualities: dict[str, float], seed: int = 0
) -> tuple[Path, ...]:
    """Files of simulated raters."""
    folder.mkdir(parents=True, exist_ok=True)
    study, known = page_study(page), read_key(key)
    files = []
    for number in range(raters):
        files.append(folder / f"simulated-{number}.json")
        answers = simulate_rater(study, known, number=number, qualities=qualities, seed=seed)
        files[-1].write_text(json.dumps(answers, indent=1) + "\n")
    return tuple(files)


def main() -> None:
    parser = argparse.ArgumentParser(description="Answers of simulated raters to a study that was built.")
    for name in ("page", "key", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--raters", type=int, default=20)
    parser.add_argument("--quality", nargs="*", default=[], metavar="SYSTEM=NUMBER")
    words = parser.parse_args()
    qualities = {name: float(value) for name, value in (word.split("=") for word in words.quality)}
    write_raters(words.page, words.key, words.folder, raters=words.raters, qualities=qualities)


if __name__ == "__main__":
    main()
