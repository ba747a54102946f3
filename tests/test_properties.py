"""What holds of all masks, splits and matrices, not only of those that someone thought of."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from darkfield.data.mask_values import flatten
from darkfield.data.split import fold_splits, grouped_split, random_split, split_images
from darkfield.files import UserError, one_line, unruly
from darkfield.measure import metrics

CLASSES = {"background": 0, "erythrocyte": 1, "spirochaete": 2}
COLOURS = ("#000000", "#ff0000", "#00ff00")
FRACTIONS = st.tuples(st.floats(0.05, 1), st.floats(0, 1), st.floats(0, 1)).map(
    lambda f: dict(zip(("train", "val", "test"), (x / sum(f) for x in f), strict=True))
)
INDICES = array_shapes(min_dims=2, max_dims=2, max_side=12).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 2))
)
MATRICES = st.integers(2, 4).flatmap(
    lambda n: arrays(np.int64, (n, n), elements=st.integers(0, 10**9)).filter(np.any)
)
# As a test runs on any machine, no example is too slow; the same examples every time.
properties = settings(deadline=None, derandomize=True, max_examples=60)


@properties
@given(INDICES, st.sampled_from(["grey", "rgb", "deep", "palette", "palette colours", "colours"]))
def test_a_mask_is_the_same_in_every_encoding(index, kind):
    """And transposing commutes with flattening: no pixel depends on another."""
    rgb = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8)
    names = COLOURS if "colours" in kind else ("0", "1", "2")
    values = dict(zip(names, CLASSES, strict=True))
    picture = {
        "grey": lambda i: Image.fromarray(i),
        "rgb": lambda i: Image.fromarray(np.dstack([i, i, i])),
        "deep": lambda i: Image.fromarray(i.astype(np.uint16)),
        "colours": lambda i: Image.fromarray(rgb[i]),
    }.get(kind, lambda i: with_palette(i, rgb))
    for pixels in (index, index.T.copy()):
        flat = flatten(picture(pixels), values, CLASSES)
        assert flat.dtype == np.uint8
        assert (flat == pixels).all()


def with_palette(index, colours):
    picture = Image.fromarray(index)
    picture.putpalette(colours.tobytes())
    return picture


@properties
@given(
    arrays(np.uint8, (5, 6), elements=st.integers(0, 9)),
    st.dictionaries(st.integers(0, 9), st.sampled_from(list(CLASSES)), min_size=1),
)
def test_a_mask_is_flattened_by_the_table_or_refused_with_all_that_it_lacks(pixels, table):
    values = {str(value): name for value, name in table.items()}
    lacking = sorted(set(np.unique(pixels).tolist()) - table.keys())
    if not lacking:
        flat = flatten(Image.fromarray(pixels), values, CLASSES)
        assert (flat == np.vectorize(lambda v: CLASSES[table[v]])(pixels)).all()
        return
    with pytest.raises(ValueError, match=f"does not name: {', '.join(map(str, lacking[:5]))}"):
        flatten(Image.fromarray(pixels), values, CLASSES)


@properties
@given(st.integers(1, 200), FRACTIONS, st.integers(0, 2**32))
def test_a_random_split_has_its_fractions_within_one_image(n, fractions, seed):
    splits = random_split(n, fractions, seed)
    assert len(splits) == n
    counted = Counter(splits)
    assert all(abs(counted[name] - f * n) < 1 + 1e-6 for name, f in fractions.items())
    assert splits == random_split(n, fractions, seed)


GROUPS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["100", "110", "111"])), min_size=1, max_size=60
)


@properties
@given(GROUPS, FRACTIONS, st.integers(0, 2**32))
def test_a_group_is_never_torn_and_no_split_is_off_by_more_than_one(images, fractions, seed):
    groups, strata = map(list, zip(*images, strict=True))
    splits = grouped_split(groups, strata, fractions, seed)
    assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
    assert set(splits) <= {name for name, f in fractions.items() if f}
    largest, counted = max(Counter(groups).values()), Counter(splits)
    assert all(abs(counted[s] - f * len(groups)) <= 2 * largest for s, f in fractions.items())


@properties
@given(GROUPS, st.integers(2, 4), st.integers(0, 2**32))
def test_every_image_tests_in_one_fold_and_trains_in_no_fold_that_it_tests(images, folds, seed):
    groups, strata = map(list, zip(*images, strict=True))
    tested = Counter()
    for fold in range(1, folds + 1):
        splits = fold_splits(groups, strata, [False] * len(groups), fold, folds, 0.7, 0.3, seed)
        test = {g for g, split in zip(groups, splits, strict=True) if split == "test"}
        assert not test & {g for g, split in zip(groups, splits, strict=True) if split != "test"}
        tested.update(i for i, split in enumerate(splits) if split == "test")
    assert tested == Counter(range(len(groups)))


@properties
@given(st.integers(1, 30), FRACTIONS, st.integers(0, 2**32), st.integers(0, 30))
def test_a_split_is_whole_or_refused(n, fractions, seed, with_cells):
    """No split that is asked for is empty, or a UserError says why."""
    names = [f"{i:03}" for i in range(n)]
    cells = np.arange(n) < with_cells
    table = pd.DataFrame({"image": names, "pixels_background": 1, "pixels_cell": cells})
    try:
        done = split_images(
            table,
            list(range(n)),
            [False] * n,
            ["background", "cell"],
            strategy="random",
            seed=seed,
            **fractions,
        )
    except UserError:
        return
    assert set(done["split"]) == {name for name, f in fractions.items() if f}


@properties
@given(MATRICES)
def test_metrics_are_fractions_and_agree_with_each_other(matrix):
    iou, dice = metrics.iou(matrix), metrics.dice(matrix)
    precision, recall = metrics.precision(matrix), metrics.recall(matrix)
    for values in (iou, dice, precision, recall):
        assert ((values >= 0) & (values <= 1) | np.isnan(values)).all()
    assert np.allclose(dice, 2 * iou / (1 + iou), equal_nan=True)
    assert (metrics.overlap_accuracy(matrix) <= 1 + 1e-12).all()
    both = ~np.isnan(precision) & ~np.isnan(recall) & (precision + recall > 0)
    harmonic = 2 * precision[both] * recall[both] / (precision[both] + recall[both])
    assert np.allclose(dice[both], harmonic)
    assert np.allclose(metrics.iou(matrix.T), iou, equal_nan=True)
    order = np.random.default_rng(0).permutation(len(matrix))
    assert np.allclose(metrics.iou(matrix[order][:, order]), iou[order], equal_nan=True)


@properties
@given(INDICES, st.integers(0, 2**32))
def test_a_confusion_matrix_counts_every_pixel_once(truth, seed):
    predicted = np.random.default_rng(seed).integers(0, 3, truth.shape, dtype=np.uint8)
    matrix = metrics.confusion(truth, predicted, 3)
    assert matrix.sum() == truth.size
    assert (matrix.sum(axis=1) == np.bincount(truth.ravel(), minlength=3)).all()
    assert (matrix.sum(axis=0) == np.bincount(predicted.ravel(), minlength=3)).all()
    top, bottom = (
        metrics.confusion(t, p, 3) for t, p in zip(halves(truth), halves(predicted), strict=True)
    )
    assert (top + bottom == matrix).all()
    assert (metrics.iou(metrics.confusion(truth, truth, 3)) > 0)[np.unique(truth)].all()


def halves(pixels):
    return pixels[: len(pixels) // 2], pixels[len(pixels) // 2 :]


@properties
@given(st.text(st.characters(codec=None)))
def test_no_text_breaks_a_line_of_a_message(text):
    line = one_line(text)
    assert line.splitlines() in ([line], [])
    assert not any(map(unruly, line))
    assert str(UserError(text, "b")).split("\n")[1:] == ["b"]
