"""What the chain costs with more and more pictures: `make scale` prints the table of docs/scale.md.

Runs the chain on a given number of synthetic scenes, one core, one epoch over all, and says what a
million pictures cost. A rule that works in batches takes as long for each batch, and its batches
are shared out among nodes; a training is shared by PROCESSES. Each of the others runs on one, and
start + each * pictures**growth is fitted to its seconds. Looking up the features of pictures grows
as the number of distances that it computes.
"""

import math
import tempfile
from pathlib import Path

import yaml
from copies import benchmarks, project, run
from tqdm import tqdm

from darkfield.data.retrieval import CELL, CELLS, PROBES

SIZES = (100, 1000, 10_000)
BATCH = 1000  # pictures
MANY = 1_000_000
NODES = (1, 16, 256)
PROCESSES = 16  # that share a training at most: a batch of 16 pictures
FEATURES = 60  # of a scene
# The share of a rule's seconds, at the most pictures, that goes into distances of descriptors.
SEARCHING = {"split_index": 1.0, "split_pairs": 0.6}
SKIPPED = ("synthesize",)  # is there for the test alone
LEAST = 1.0  # seconds: what a rule takes less is its start


def measure(images: int) -> dict[str, dict[str, float]]:
    """Seconds and peak memory of every rule on this many scenes, and of all else."""
    with tempfile.TemporaryDirectory() as folder:
        copy = project(Path(folder), images)
        params = yaml.safe_load((copy / "params.yaml").read_text())
        params["data"]["batches"] = math.ceil(images / BATCH)
        params["train"] |= {"epochs": 1, "threads": 1}
        (copy / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        wall = run(copy, "snakemake", "--cores", "1", "--quiet", "all")
        rows = benchmarks(copy)
        rest = wall - sum(row["seconds"] for row in rows.values())
        size = sum(p.stat().st_size for p in copy.rglob("*") if p.is_file())
    return {rule: row for rule, row in rows.items() if rule not in SKIPPED} | {
        "Snakemake, DVC": {"seconds": rest, "peak_mb": math.nan, "jobs": 1},
        "disk": {"seconds": math.nan, "peak_mb": size / 1e6, "jobs": 1},
    }


def distances(rule: str, images: int) -> float:
    """How many distances between descriptors a rule of SEARCHING computes."""
    features = FEATURES * images
    cells = min(features / CELL, CELLS * math.sqrt(features))
    if rule == "split_index":  # k-means: 10 rounds with 40 features a cell; then each finds its own
        return cells * (400 * cells + features)
    return features * (cells + PROBES * features / cells)


def fit(seconds: dict[int, float]) -> tuple[float, float]:
    """Seconds a picture, and the power of their number that costs grow with, at least 1."""
    few, some, many = sorted(seconds)
    first, second = seconds[some] - seconds[few], seconds[many] - seconds[some]
    if second < LEAST or first <= 0:
        return max(second, 0) / (many - some), 1.0
    # Exact for start + each * n**growth, at sizes that grow by the same factor.
    growth = max(math.log(second / first) / math.log(many / some), 1.0)
    return second / (many**growth - some**growth), growth


def main() -> None:
    tell({images: measure(images) for images in tqdm(SIZES, "scale", disable=None)})


def tell(found: dict[int, dict[str, dict[str, float]]]) -> None:
    """Print what was measured, by number of pictures, and what follows."""
    disk = {images: rows.pop("disk")["peak_mb"] for images, rows in found.items()}
    print("| rule | " + " | ".join(f"{n:,} (s)" for n in SIZES), end="")
    print(" | ms per picture at 10,000 | growth | peak memory (MB) | a million (h) |")
    print("|---" * (len(SIZES) + 5) + "|")
    walls = dict.fromkeys(NODES, 0.0)
    for rule in found[SIZES[-1]]:
        seconds = {images: rows[rule]["seconds"] for images, rows in found.items()}
        shared = found[SIZES[-1]][rule]["jobs"] > 1
        start = 0 if shared else seconds[SIZES[0]]
        each, growth = (seconds[SIZES[-1]] / SIZES[-1], 1.0) if shared else fit(seconds)
        if share := SEARCHING.get(rule):
            times = MANY / SIZES[-1]
            more = distances(rule, MANY) / distances(rule, SIZES[-1])
            growth = math.log(share * more + (1 - share) * times) / math.log(times)
            start, each = 0, seconds[SIZES[-1]] / SIZES[-1] ** growth
        hours = (start + each * MANY**growth) / 3600
        peak = found[SIZES[-1]][rule]["peak_mb"]
        peak = "" if math.isnan(peak) else f"{peak:.0f}"
        times = " | ".join(f"{value:.1f}" for value in seconds.values())
        mean = 1000 * seconds[SIZES[-1]] / SIZES[-1]
        print(f"| {rule} | {times} | {mean:.1f} | {growth:.2f} | {peak} | {hours:.1f} |")
        for nodes in NODES:
            sharers = nodes if shared else min(nodes, PROCESSES) if rule == "train" else 1
            walls[nodes] += hours / sharers
    print()
    print(
        "A million pictures: "
        + ", ".join(f"{walls[n]:.1f} h on {n} node{'s' * (n > 1)}" for n in NODES)
    )
    print(f"Disk: {1000 * disk[SIZES[-1]] / SIZES[-1]:.0f} kB per picture")


if __name__ == "__main__":
    main()
