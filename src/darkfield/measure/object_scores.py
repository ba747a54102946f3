"""How well objects are found and counted, as pure functions of `measure.objects`'s tables.

Every score is a ratio of sums over pictures, or a function of their counts, so that sets of
pictures, folds and bootstrap resamples are scored from one table with a row per picture and class.
docs/measures.md defines the scores and names their sources.
"""

from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from darkfield.classes import key_of
from darkfield.measure.intervals import enough, percentiles, resampled, too_few
from darkfield.measure.metrics import ratio
from darkfield.measure.objects import KEY, ONE, OTHER, SIDES, TOLERANCES
from darkfield.measure.selection import number
from darkfield.values import Kind

THRESHOLDS = range(50, 100, 5)  # percent: how much alike two objects must be to be the same one
QUARTER = 0.25  # of a predicted object's pixels: the looser rule, by which pieces count as real
COMPARED = ("f1", "count_bias")
OF_PIXELS = ("f1_50_95", "pq", "pq_50_95")  # not of filaments
OF_LINES = ("completeness", "correctness", "line_f1", "cldice")  # of filaments alone


def likeness(objects: pd.DataFrame, pairs: pd.DataFrame) -> pd.Series:
    """How much alike the two objects of each row of `pairs` are, 0 to 1, by its index.

    It is the intersection over union of their pixels; of filaments, the quality of Wiedemann et al.
    (1998), the same of their centre lines: c k / (c + k - c k), where c, the completeness, is the
    share of the drawn line that is near the predicted one, and k, the correctness, the reverse.
    """
    of_sides = (sizes(objects, pairs, side).to_numpy(float).T for side in SIDES)
    (a, a_line, length), (b, b_line, _) = of_sides
    shared, a_near, b_near = pairs[["pixels", *(f"{s}_near" for s in SIDES)]].to_numpy(float).T
    iou = ratio(shared, a + b - shared)
    k, c = ratio(a_near, a_line), ratio(b_near, b_line)
    quality = np.nan_to_num(ratio(c * k, c + k - c * k))
    return pd.Series(
        np.where(length > 0, quality, iou),  # which only filaments have
        pairs.index,
    )


def sizes(objects: pd.DataFrame, pairs: pd.DataFrame, side: str) -> pd.DataFrame:
    """area_px, line_px and length_px of the object that each row of `pairs` has on a side."""
    rows = objects[objects["drawn"] == (side == "drawn")]
    known = rows.set_index([*KEY, "object"])[["area_px", "line_px", "length_px"]]
    return known.loc[pd.MultiIndex.from_frame(pairs[[*KEY, f"{side}_object"]])].reset_index(
        drop=True
    )


def matches(objects: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs that are the same object, one to one, with their `likeness`, above 0.5.

    Where an object could be one of several, the assignment of the highest sum is taken (Kuhn 1955).
    """
    from scipy.optimize import linear_sum_assignment

    alike = pairs.assign(likeness=likeness(objects, pairs))
    alike = alike[alike["likeness"] > THRESHOLDS[0] / 100]
    unsure = alike.duplicated([*KEY, ONE], keep=False) | alike.duplicated([*KEY, OTHER], keep=False)
    found = [alike[~unsure]]
    for _, rows in alike[unsure].groupby(KEY):
        table = rows.pivot(index=ONE, columns=OTHER, values="likeness").fillna(0)
        chosen = linear_sum_assignment(table, maximize=True)
        taken = pd.MultiIndex.from_arrays([table.index[chosen[0]], table.columns[chosen[1]]])
        found.append(rows[pd.MultiIndex.from_frame(rows[[ONE, OTHER]]).isin(taken)])
    return pd.concat(found).sort_index().loc[:, [*KEY, ONE, OTHER, "likeness"]]


def lying(objects: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs of which a QUARTER of the predicted object's pixels lie on the drawn one."""
    of = sizes(objects, pairs, "predicted")["area_px"].to_numpy(float)
    return pairs[pairs["pixels"].to_numpy(float) >= QUARTER * of]


def match_table(objects: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """One row per object, predicted or drawn, with the number of its match in the other mask.

    The columns match and likeness are empty (NaN) for what is false, or missed; `real` is whether a
    predicted object is one of `lying`, False for a drawn one.
    """
    same, parts = matches(objects, pairs), []
    for drawn, (side, other) in enumerate(((ONE, OTHER), (OTHER, ONE))):
        of = same.rename(columns={side: "object", other: "match"})
        rows = objects[objects["drawn"] == bool(drawn)]
        parts.append(rows.merge(of, "left", [*KEY, "object"]))
    table = pd.concat(parts, ignore_index=True).astype({"match": "Int64"})
    on_one = lying(objects, pairs).drop_duplicates([*KEY, ONE])[[*KEY, ONE]]
    known = pd.MultiIndex.from_frame(on_one.assign(drawn=False))
    table["real"] = pd.MultiIndex.from_frame(table[[*KEY, "object", "drawn"]]).isin(known)
    table = table.sort_values([*KEY, "drawn", "object"], ignore_index=True)
    return table[[*KEY, *table.columns.drop(KEY)]]


def image_table(objects: pd.DataFrame, pairs: pd.DataFrame, outlines: pd.DataFrame) -> pd.DataFrame:
    """One row per picture and class: all that `scores` needs.

    The tables are those of `measure.objects.compare` with a column `image`, a picture each or many.

    predicted_objects, drawn_objects: how many. real, found: by the looser rule, predicted objects a
    QUARTER of whose pixels lie on a drawn one, and drawn objects on which such a one lies.
    same_T, likeness_T: number of `matches` that are more than T percent alike, and the sum of their
    likeness. The other columns are those of `outlines`, which may be such a table itself.
    """
    columns = {
        f"{side}_objects": objects[objects["drawn"] == (side == "drawn")].groupby(KEY).size()
        for side in SIDES
    }
    on_one = lying(objects, pairs)
    for name, side in (("real", ONE), ("found", OTHER)):
        columns[name] = on_one.drop_duplicates([*KEY, side]).groupby(KEY).size()
    same = matches(objects, pairs)
    for threshold in THRESHOLDS:
        alike = same[same["likeness"] > threshold / 100].groupby(KEY)["likeness"]
        columns |= {f"same_{threshold}": alike.size(), f"likeness_{threshold}": alike.sum()}
    table = outlines[KEY].copy()
    rows = pd.MultiIndex.from_frame(table)
    for name, values in columns.items():
        kind = float if name.startswith("likeness") else int
        table[name] = values.reindex(rows, fill_value=0).to_numpy(kind)
    rest = outlines.drop(columns=[*KEY, *columns], errors="ignore")
    return pd.concat([table, rest], axis=1)


def of_counted(objects: pd.DataFrame, pairs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables without the predicted objects that are not `counted`, a column of `objects`."""
    left_out = objects.loc[~objects["drawn"] & ~objects["counted"], [*KEY, "object"]]
    gone = pd.MultiIndex.from_frame(left_out)
    kept = ~pd.MultiIndex.from_frame(pairs[[*KEY, ONE]]).isin(gone)
    return objects.drop(left_out.index), pairs[kept]


def outside_void(objects: pd.DataFrame, pairs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables, objects as of `match_table`, without those that are neither right nor wrong.

    As in the panoptic quality (Kirillov et al. 2019), these are the predicted ones that match
    nothing and have more than half of their pixels in void. The column void_px goes, too.
    """
    known = objects["match"].notna() | (objects["void_px"] <= objects["area_px"])
    kept, others = of_counted(objects.assign(counted=known), pairs)
    return kept.drop(columns=["void_px", "counted"]), others


def scores(table: pd.DataFrame, kind: Kind) -> dict[str, float]:
    """The scores of a class from its rows of `image_table`, at least one; NaN where undefined.

    `kind` is that of its objects; scores that say nothing about it are left out.

    precision, recall, f1: of objects, one to one. pq: panoptic quality. ..._50_95: the mean over
    THRESHOLDS. ..._quarter: by the looser rule. completeness, correctness, line_f1: of centre lines
    within REACH. cldice. nsd_Tpx: normalised surface distance. drawn, predicted: objects.
    count_bias: the sum of errors relative to `drawn`. mae: the mean absolute error of a picture's
    count. bias, agreement_low, agreement_high: its mean error, and the limits between which 95 % of
    the errors lie. ccc: Lin's concordance.
    """
    return {metric: value for metric, value in scored(*plain(table)).items() if fits(metric, kind)}


def fits(metric: str, kind: Kind) -> bool:
    """Whether a score says something about a kind of objects."""
    return metric not in (OF_PIXELS if kind == "filament" else OF_LINES)


def plain(table: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """The columns of `image_table` that hold numbers: their names, and floats (rows, columns)."""
    numeric = table.drop(columns=[*KEY, "split", "group", "low", "high"], errors="ignore")
    return numeric.columns.tolist(), numeric.to_numpy(float)


def scored(columns: list[str], values: np.ndarray) -> dict[str, float]:
    """`scores` of objects of any kind, from what `plain` returns."""
    total = dict(zip(columns, values.sum(axis=0).tolist(), strict=True))
    predicted, drawn = (values[:, columns.index(f"{side}_objects")] for side in SIDES)
    return of_sums(total) | of_counts(predicted, drawn)


def tells(columns: list[str], values: np.ndarray) -> dict[str, np.ndarray]:
    """Which of some pictures tell something of each of `scored`: bool (rows,).

    Those that have objects, drawn or predicted, and what a ratio is of.
    """
    each = [of_sums(dict(zip(columns, row, strict=True))) for row in values.tolist()]
    return {
        metric: np.array([not np.isnan([of["f1"], of.get(metric, 0)]).any() for of in each])
        for metric in scored(columns, values)
    }


def of_sums(total: dict[str, float]) -> dict[str, float]:
    """The scores that are ratios of sums over pictures."""

    def share(part: float, whole: float) -> float:
        return part / whole if whole else np.nan

    def mean(one: float, other: float) -> float:
        """The harmonic mean of two shares; if one side alone has nothing to share, 0."""
        if np.isnan(one) or np.isnan(other):
            return np.nan if np.isnan(one) and np.isnan(other) else 0.0
        return 2 * one * other / (one + other) if one + other else 0.0

    predicted, drawn = (total[f"{side}_objects"] for side in SIDES)
    n = predicted + drawn
    f1 = [share(2 * total[f"same_{t}"], n) for t in THRESHOLDS]
    pq = [share(2 * total[f"likeness_{t}"], n) for t in THRESHOLDS]
    found = {
        "precision": share(total["same_50"], predicted),
        "recall": share(total["same_50"], drawn),
        "f1": f1[0],
        "f1_50_95": float(np.mean(f1)),
        "pq": pq[0],
        "pq_50_95": float(np.mean(pq)),
        "precision_quarter": share(total["real"], predicted),
        "recall_quarter": share(total["found"], drawn),
        "completeness": share(total["drawn_line_near"], total["drawn_line"]),
        "correctness": share(total["predicted_line_near"], total["predicted_line"]),
    }
    found["f1_quarter"] = mean(found["precision_quarter"], found["recall_quarter"])
    found["line_f1"] = mean(found["completeness"], found["correctness"])
    inside = [share(total[f"{s}_line_inside"], total[f"{s}_line"]) for s in SIDES]
    found["cldice"] = mean(*inside)
    outline = total["predicted_outline"] + total["drawn_outline"]
    for t in TOLERANCES:
        near = total[f"predicted_outline_{t}"] + total[f"drawn_outline_{t}"]
        found[f"nsd_{t}px"] = share(near, outline)
    found |= {"drawn": drawn, "predicted": predicted}
    found["count_bias"] = share(predicted - drawn, drawn)
    return found


def of_counts(predicted: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """Agreement of counts (N,), one pair per picture: Bland & Altman (1986) and Lin (1989)."""
    errors = predicted - drawn
    bias = float(errors.mean())
    spread = 1.96 * float(errors.std(ddof=1)) if len(errors) > 1 else np.nan
    covariance = float(((predicted - predicted.mean()) * (drawn - drawn.mean())).mean())
    apart = float(predicted.var() + drawn.var()) + bias**2
    return {
        "mae": float(np.abs(errors).mean()),
        "bias": bias,
        "agreement_low": bias - spread,
        "agreement_high": bias + spread,
        "ccc": 2 * covariance / apart if apart else np.nan,
    }


def by_class(table: pd.DataFrame, kinds: dict[str, Kind]) -> dict[str, dict[str, float | None]]:
    """`scores` of each class that `image_table`'s rows have, for JSON: null where undefined."""
    return {
        key_of(name): {metric: number(value) for metric, value in scores(rows, kinds[name]).items()}
        for name, rows in of_classes(table)
    }


def of_classes(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Each class of `image_table` and its rows, in the table's order."""
    return [(name, table[table["class"] == name]) for name in table["class"].unique()]


def intervals(
    table: pd.DataFrame, groups: Sequence[Hashable], kinds: dict[str, Kind]
) -> dict[str, dict[str, list[float | None]]] | None:
    """95 % bootstrap intervals [low, high] over fields of view, of each class's `scores`.

    `groups` names the field of each row. None if there are too few, and null of a score of which
    too few of them tell something; see `measure.intervals`.
    """
    if too_few(len(set(groups))):
        return None
    fields, found = np.array(groups), {}
    for name, rows in of_classes(table):
        columns, values = plain(rows)
        own = fields[(table["class"] == name).to_numpy()]
        limits = percentiles(resampled(partial(resample, columns, values), own))
        limits[~enough(np.column_stack([*tells(columns, values).values()]), own)] = np.nan
        pairs = ([number(end) for end in pair] for pair in limits)
        metrics = zip(scored(columns, values), pairs, strict=True)
        found[key_of(name)] = {
            metric: pair for metric, pair in metrics if fits(metric, kinds[name])
        }
    return found


def resample(columns: list[str], values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The values of `scored` (N,) of the pictures of these rows."""
    return np.array([*scored(columns, values[rows]).values()])


def compared(scores: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What people compare of `by_class`, for metrics.json, which is to fit a screen."""
    return {
        name: {metric: values[metric] for metric in COMPARED} for name, values in scores.items()
    }
