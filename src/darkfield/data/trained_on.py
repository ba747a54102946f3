"""Which images a model was trained on, so that none of them tests it unnoticed.

A record maps the digest of each image (`pixels.digest`) to a number that all images of its field of
view share. It is stored as `trained_on` in model.json and includes the images that pretrained
weights and teachers were trained on.
Tables of images have the columns image_pixels_sha256, group (the field of view) and split.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkfield.files import UserError, read_json

if TYPE_CHECKING:
    import pandas as pd

KEY = "image_pixels_sha256"
REMEDY = "set evaluate.trained_on: report to test on them anyway and have the results say so"
UNKNOWN = (
    "model.json does not say which images the model was trained on: it may know the test images"
)


def record(table: "pd.DataFrame") -> dict[str, int]:
    """The record of a model trained on the images of the training split."""
    trains = table[table["split"] == "train"].sort_values(KEY)
    return dict(zip(trains[KEY], trains["group"].tolist(), strict=True))


def merged(now: dict[str, int], before: dict[str, int] | None) -> dict[str, int] | None:
    """The record of a model trained on `now` that learnt from one trained on `before`.

    Fields of view are numbered again from 0; fields of the two records that share an image become
    one. None, meaning unknown, if `before` is None.
    """
    if before is None:
        return None
    import networkx as nx

    fields = nx.Graph(
        (digest, (when, field))
        for when, images in enumerate((now, before))
        for digest, field in images.items()
    )
    together = enumerate(nx.connected_components(fields))
    found = {digest: n for n, field in together for digest in field if isinstance(digest, str)}
    return dict(sorted(found.items()))


def seen(table: "pd.DataFrame", trained_on: dict[str, int]) -> "pd.Series":
    """Whether each image of a table, or another of its field of view, is on record: bool."""
    return table[KEY].isin(trained_on.keys()).groupby(table["group"]).transform("any")


def recorded(spec: Path) -> dict[str, int]:
    """The record in a model.json; raises UserError if it has none."""
    trained_on: dict[str, int] | None = read_json(spec).get("trained_on")
    if trained_on is None:
        raise UserError(
            f"{spec}: does not say which images the model was trained on (no trained_on), which "
            f"may be those that are to test it; train it again, or {REMEDY}"
        )
    return trained_on


def leak(table: "pd.DataFrame", trained_on: dict[str, int]) -> dict[str, dict[str, int]]:
    """How many images of test and val a model was trained on, or on others of their fields of view.

    For each of the two splits that has any: {"trained_on": n, "same_field": n, "of": all of them}.
    """
    found, itself = seen(table, trained_on), table[KEY].isin(trained_on.keys())
    counts = {}
    for split in ("test", "val"):
        if (rows := table["split"] == split).any():
            n, of = int((rows & itself).sum()), int(rows.sum())
            counts[split] = {
                "trained_on": n,
                "same_field": int((rows & found).sum()) - n,
                "of": of,
            }
    return counts


def caveats(counts: dict[str, dict[str, int]]) -> list[str]:
    """What `leak` found, in sentences; none where nothing leaks."""
    ends = {"trained_on": "were trained on", "same_field": "show a field of view trained on"}
    return [
        f"{n[kind]} of {n['of']} {split} images {end}"
        for split, n in counts.items()
        for kind, end in ends.items()
        if n[kind]
    ]


def qualified(table: "pd.DataFrame", trained_on: dict[str, int] | None) -> dict[str, Any]:
    """What the metrics of a model must say: {} if no image of test or val was seen in training.

    Otherwise {"leak": what `leak` found, "caveats": the same in sentences}; leak is None if there
    is no record.
    """
    if trained_on is None:
        return {"leak": None, "caveats": [UNKNOWN]}
    lines = caveats(counts := leak(table, trained_on))
    return {"leak": counts, "caveats": lines} if lines else {}


def pooled(folds: Sequence[dict[str, Any]], images: int) -> dict[str, Any]:
    """The same as `qualified` for all folds, from the metrics of each; `images` are all tested."""
    found = [fold["leak"] for fold in folds if "leak" in fold]
    if None in found:
        return {"leak": None, "caveats": [UNKNOWN]}
    counts = {
        kind: sum(leak["test"][kind] for leak in found) for kind in ("trained_on", "same_field")
    }
    counts = {"test": counts | {"of": images}}
    return {"leak": counts, "caveats": caveats(counts)} if found else {}


def teachers(name: str) -> list[str]:
    """The model.json of each model that train.teacher names: models/NAME, or all within it; sorted.

    Raises UserError if there is none.
    """
    folder = Path("models", name)
    found = sorted(map(str, folder.rglob("model.json")))
    if not found:
        raise UserError(f"train.teacher: {folder} has no model.json in it; copy a model there")
    return found


def kept_in_train(table: "pd.DataFrame", others: Sequence[str], setting: str) -> list[bool]:
    """Which images may not test a model that starts from others' weights, or is taught by them.

    `others` are their model.json; `setting` is evaluate.trained_on. Raises UserError if one has no
    record.
    """
    if not others or setting == "report":
        return [False] * len(table)
    known = {digest: field for other in others for digest, field in recorded(Path(other)).items()}
    return seen(table, known).tolist()
