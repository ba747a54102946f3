import cv2
import numpy as np
import pytest

from darkfield.data.confusers import (
    KINDS,
    draw_confusers,
    folds,
    glare,
    granules,
    spines,
    wear_erythrocytes,
)
from darkfield.data.strokes import lay, trace
from darkfield.data.synthetic import scene, synthesize

NO_CELLS = np.empty((0, 3))


def rng(*seed):
    return np.random.default_rng(seed)


def pixels(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.png")}


@pytest.mark.parametrize("times", [1, 2.5])
def test_confusers_change_the_light_and_neither_mask_nor_objects(times):
    changed = 0
    for seed in range(4):
        without, with_them = (scene(rng(seed), 160, 160, times, 1.6, many) for many in (0, 1))
        assert (without[1] == with_them[1]).all()
        assert (without[2] == with_them[2]).all()
        changed += (without[0] != with_them[0]).mean() / 4
    assert changed > 0.02


def test_the_objects_look_the_same_among_confusers():
    """The noise, the colours and the spirochaetes are not drawn anew."""
    for seed in range(4):
        without, with_them = (scene(rng(seed), 160, 160, 1, 1, many)[0] for many in (0, 0.05))
        assert (without == with_them).mean() > 0.6


def test_confusers_lie_in_the_background():
    """Those at the edge of a cell excepted."""
    share = []
    y, x = np.mgrid[:120, :120]
    for seed in range(8):
        light, cells = np.zeros((120, 120, 3)), np.array([[35.0, 30, 15], [80, 85, 15]])
        draw_confusers(rng(seed), cells, light, 1)
        inside = (np.hypot(x - cells[:, 0, None, None], y - cells[:, 1, None, None]) < 15).any(0)
        share.append((light * inside[..., None]).sum() / light.sum() / inside.mean())
    assert np.median(share) < 0.7


def test_more_of_them_is_more_light():
    def light(density):
        drawn = np.zeros((8, 96, 96, 3))
        for seed, each in enumerate(drawn):
            draw_confusers(rng(seed), NO_CELLS, each, density)
        return drawn.mean()

    assert light(0) == 0
    assert 0 < 2 * light(0.2) < light(1)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.drawn.__name__)
def test_a_kind_is_drawn_at_its_place_at_any_radius(kind):
    for seed in range(6):
        for radius in (9.5, 21.0):
            side = int(16 * radius)
            light = np.zeros((side, side, 3))
            place = np.full(2, side / 2)
            lay(list(kind.drawn(rng(seed), place, radius)), light)
            assert 0 < light.max() < 4
            y, x = np.nonzero(light.sum(2) > 0.25 * light.sum(2).max())
            assert np.hypot(x - place[0], y - place[1]).min() < 1.5 * radius
            assert np.hypot(x - place[0], y - place[1]).max() < 7 * radius


def test_what_a_cell_wears_stays_within_it():
    y, x = np.mgrid[:80, :80]
    out = np.hypot(x - 40, y - 40) / 20
    for drawn in (folds, granules, spines):
        for seed in range(6):
            light = np.zeros((80, 80, 3))
            lay(list(drawn(rng(seed), np.full(2, 40.0), 20.0)), light)
            assert light[out < 1].sum() > 0.85 * light.sum() > 0


def test_some_cells_wear_something_and_most_nothing():
    cells = np.array([[50.0 * i + 25, 25, 15] for i in range(40)])
    worn = []
    for seed in range(10):
        light = np.zeros((50, 2000, 3))
        wear_erythrocytes(rng(seed), cells, light, 1)
        worn.append([part.max() > 0.1 for part in np.split(light, 40, axis=1)])
    assert 0.05 < np.mean(worn) < 0.3


def test_glare_comes_in_from_one_side():
    for seed in range(6):
        light = glare(rng(seed), 60, 90).mean(axis=2)
        assert light.min() >= 0
        edges = [light[0].mean(), light[-1].mean(), light[:, 0].mean(), light[:, -1].mean()]
        assert max(edges) > 1.5 * min(edges)


def test_a_blurred_cell_has_no_sharp_rim():
    """Its light rises over more pixels than that of the rim of a cell in focus does."""
    drawn = next(kind.drawn for kind in KINDS if kind.drawn.__name__ == "blurred_cell")
    for seed in range(10):
        light = np.zeros((120, 120, 3))
        lay(list(drawn(rng(seed), np.full(2, 60.0), 15.0)), light)
        grey = light.mean(2)
        assert np.abs(np.diff(grey)).max() < 0.5 * grey.max()


def test_same_seed_same_bytes_whatever_the_threads(tmp_path):
    threads = cv2.getNumThreads()
    try:
        for count in (1, 2):
            cv2.setNumThreads(count)
            synthesize(tmp_path / str(count), images=3, size=(96, 200), seed=7, confusers=1)
    finally:
        cv2.setNumThreads(threads)
    assert pixels(tmp_path / "1") == pixels(tmp_path / "2")
    assert len(pixels(tmp_path / "1")) == 9


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (16, 300), (300, 16)])
def test_any_size_can_be_drawn(shape):
    for seed in range(6):
        image, mask, _ = scene(rng(seed), *shape, 1, 1, 3)
        assert (image.shape, mask.shape) == ((*shape, 3), shape)


def test_a_thread_thinner_than_a_pixel_has_no_gaps():
    light = np.zeros((40, 40, 3))
    lay([trace(np.linspace([5.0, 8.3], [35, 21.7], 31), 0.1, np.ones(3))], light)
    assert light[:, 6:34, 0].max(axis=0).min() > 0.5 * light.max() > 0
