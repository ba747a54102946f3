"""What the chain costs with more and more pictures: `make scale` writes the table of docs/scale.md.

Runs the chain on so many synthetic scenes, one core, one epoch over all of them. To the seconds of
each rule it fits start + each * pictures**growth, and says what a million pictures cost. Rules that
work in batches are shared out among nodes; of the others each runs on one.
"""

import math
import tempfile
from pathlib import Path

import yaml
from copies import benchmarks, project, run
from tqdm import tqdm

SIZES = (100, 1000, 10_000)
BATCH = 1000  # pictures
MANY = 1_000_000
NODES = (1, 16, 256)
SKIPPED = ("synthesize",)  # is there for the test alone
LEAST = 1.0  # seconds: what a rule takes less is its start


def measure(images: int) -> dict[str, dict[str, float]]:
    """Seconds and peak memory of every rule on so many scenes, and of what is no rule."""
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
        "Snakemake, DVC": {"seconds": rest, "peak_mb": math.nan},
        "disk": {"seconds": math.nan, "peak_mb": size / 1e6},
    }


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
    found = {images: measure(images) for images in tqdm(SIZES, "scale", disable=None)}
    disk = {images: rows.pop("disk")["peak_mb"] for images, rows in found.items()}
    print("| rule | " + " | ".join(f"{n:,} (s)" for n in SIZES), end="")
    print(" | ms a picture | growth | peak memory (MB) | a million (h) |")
    print("|---" * (len(SIZES) + 5) + "|")
    walls = dict.fromkeys(NODES, 0.0)
    for rule in found[SIZES[-1]]:
        seconds = {images: rows[rule]["seconds"] for images, rows in found.items()}
        each, growth = fit(seconds)
        hours = (seconds[SIZES[0]] + each * MANY**growth) / 3600
        marginal = (seconds[SIZES[-1]] - seconds[SIZES[-2]]) / (SIZES[-1] - SIZES[-2])
        peak = found[SIZES[-1]][rule]["peak_mb"]
        peak = "" if math.isnan(peak) else f"{peak:.0f}"
        times = " | ".join(f"{value:.1f}" for value in seconds.values())
        print(f"| {rule} | {times} | {1000 * marginal:.2f} | {growth:.2f} | {peak} ", end="")
        print(f"| {hours:.2f} |")
        for nodes in NODES:
            walls[nodes] += hours / (nodes if rule.endswith("_batch") else 1)
    print()
    print("A million pictures: " + ", ".join(f"{walls[n]:.1f} h on {n} nodes" for n in NODES))
    print(f"Disk: {1000 * disk[SIZES[-1]] / SIZES[-1]:.0f} kB a picture")


if __name__ == "__main__":
    main()
