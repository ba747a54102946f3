import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from darkfield.data.drawing import (
    centre_line,
    distances,
    draw_erythrocytes,
    draw_spirochaetes,
    place_erythrocytes,
    place_spirochaetes,
)
from darkfield.data.synthetic import (
    BACKGROUND,
    ERYTHROCYTE,
    FOLDERS,
    SPIROCHAETE,
    scene,
    synthesize,
)

SIZE = (96, 160)
SEEDS = (1, 2)


@pytest.fixture(scope="module", params=SEEDS)
def pairs(request, tmp_path_factory):
    """64 scenes as read back from disk: a list of image (H, W, 3) and mask (H, W)."""
    out = tmp_path_factory.mktemp("synthetic")
    synthesize(out, images=64, size=SIZE, seed=request.param)
    names = [f"{i:03d}.png" for i in range(1, 65)]
    for folder in FOLDERS:
        assert sorted(path.name for path in (out / folder).iterdir()) == names
    return [tuple(read(out / folder / name) for folder in ("images", "masks")) for name in names]


def read(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        assert file.mode == {"images": "RGB", "masks": "L"}[path.parent.name]
        return np.asarray(file)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.png")}


def near(mask: np.ndarray, pixels: int) -> np.ndarray:
    size = 2 * pixels + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)) > 0


def test_class_shares_are_those_of_real_images(pairs):
    counts = sum(np.bincount(mask.ravel(), minlength=3) for _, mask in pairs)
    background, erythrocyte, spirochaete = counts / counts.sum()
    assert 0.80 <= background <= 0.90
    assert 0.09 <= erythrocyte <= 0.17
    assert 0.007 <= spirochaete <= 0.016


def test_channels_are_those_of_real_images(pairs):
    pixels = np.concatenate([image.reshape(-1, 3) for image, _ in pairs]) / 255
    np.testing.assert_allclose(pixels.mean(axis=0), [0.160, 0.196, 0.256], atol=0.06)
    np.testing.assert_allclose(pixels.std(axis=0), [0.221, 0.246, 0.253], atol=0.06)


def test_masks_hold_the_three_classes_and_some_scenes_lack_one(pairs):
    present = [set(np.unique(mask)) for _, mask in pairs]
    assert set().union(*present) == {BACKGROUND, ERYTHROCYTE, SPIROCHAETE}
    for kind, least, most in ((ERYTHROCYTE, 0.85, 0.99), (SPIROCHAETE, 0.65, 0.92)):
        assert least < np.mean([kind in classes for classes in present]) < most


def test_sizes_differ_and_lie_in_range(pairs):
    shapes = [mask.shape for _, mask in pairs]
    assert [image.shape for image, _ in pairs] == [(*shape, 3) for shape in shapes]
    assert len(set(shapes)) > 32
    assert min(map(min, shapes)) >= SIZE[0] and max(map(max, shapes)) <= SIZE[1]
    assert max(map(max, shapes)) - min(map(min, shapes)) > 48


def test_spirochaetes_are_brighter_than_their_surroundings(pairs):
    contrasts = []
    for image, mask in pairs:
        bacteria = (mask == SPIROCHAETE) & ~near(mask == ERYTHROCYTE, 8)
        around = near(bacteria, 6) & (mask == BACKGROUND) & ~near(mask == ERYTHROCYTE, 8)
        if bacteria.sum() > 20:
            contrasts.append(image[bacteria].mean() / image[around].mean())
    assert len(contrasts) > 20
    assert min(contrasts) > 1.3
    assert np.median(contrasts) > 2


def test_some_spirochaete_touches_a_cell(pairs):
    assert any((near(mask == SPIROCHAETE, 1) & (mask == ERYTHROCYTE)).any() for _, mask in pairs)


def test_same_seed_same_bytes_whatever_the_threads(tmp_path):
    threads = cv2.getNumThreads()
    try:
        for count in (1, 2):
            cv2.setNumThreads(count)
            synthesize(tmp_path / str(count), images=6, size=(96, 512), seed=7)
    finally:
        cv2.setNumThreads(threads)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert len(contents(tmp_path / "1")) == 18


def test_another_seed_gives_other_scenes(tmp_path):
    for seed in SEEDS:
        synthesize(tmp_path / str(seed), images=3, size=(128, 128), seed=seed)
    one, two = (contents(tmp_path / str(seed)) for seed in SEEDS)
    assert one.keys() == two.keys()
    assert len({*one.values(), *two.values()}) == 18


def test_a_scene_does_not_depend_on_how_many_are_asked_for(tmp_path):
    synthesize(tmp_path / "few", images=2, size=SIZE, seed=3)
    synthesize(tmp_path / "many", images=5, size=SIZE, seed=3)
    assert contents(tmp_path / "few").items() < contents(tmp_path / "many").items()


def test_scenes_are_the_same_bytes_as_ever():
    """Changed scenes would change every number that was measured on them."""
    digest = hashlib.sha256()
    for seed in range(40):
        image, mask, _ = scene(np.random.default_rng(seed), 120, 140)
        digest.update(image.tobytes() + mask.tobytes())
    assert digest.hexdigest() == "a389a48c3ad10e80da96128f8ae2f993d551c6ab0685921c9080019a2bcb0b80"


@pytest.mark.parametrize("shape", [(16, 16), (16, 512), (512, 16), (37, 64), (512, 512)])
def test_any_size_can_be_drawn(shape):
    for seed in range(8):
        image, mask, _ = scene(np.random.default_rng(seed), *shape)
        assert (image.shape, image.dtype) == ((*shape, 3), np.uint8)
        assert (mask.shape, mask.dtype) == (shape, np.uint8)


def test_larger_scenes_hold_more_not_larger_objects():
    def shares(side: int, scenes: int) -> np.ndarray:
        masks = (scene(np.random.default_rng([5, i]), side, side)[1] for i in range(scenes))
        return np.mean([np.bincount(mask.ravel(), minlength=3) / side**2 for mask in masks], axis=0)

    assert (abs(shares(384, 24) - shares(128, 64)) < [0.05, 0.05, 0.005]).all()

    small, large = (
        [place_erythrocytes(np.random.default_rng([5, i]), side, side) for i in range(100)]
        for side in (128, 384)
    )
    radius = [np.concatenate(cells)[:, 2].mean() for cells in (small, large)]
    assert radius[1] == pytest.approx(radius[0], rel=0.15)
    assert sum(map(len, large)) > 4 * sum(map(len, small))


def test_a_cell_is_marked_as_its_whole_disc():
    light, mask = np.zeros((64, 64, 3)), np.zeros((64, 64), np.uint16)
    cells = np.array([[30.0, 33.0, 20.0]])
    draw_erythrocytes(np.random.default_rng(1), cells, light, mask)
    y, x = np.mgrid[:64, :64]
    distance = np.hypot(x - 30, y - 33)
    assert (mask[distance < 16] == 1).all()
    assert (mask[distance > 25] == 0).all()
    assert mask.sum() == pytest.approx(np.pi * 20**2, rel=0.15)
    assert light[mask > 0].mean() > 10 * light[mask == 0].mean()


def test_a_spirochaete_lies_on_top_of_a_cell():
    light, numbers = np.full((96, 96, 3), 2.0), np.full((96, 96), 1, np.uint16)
    rng = np.random.default_rng(1)
    filaments = place_spirochaetes(rng, np.empty((0, 3)), 96, 96)
    draw_spirochaetes(rng, filaments, light, numbers, 2)
    assert set(np.unique(numbers)) == {1, *range(2, 2 + len(filaments))}
    assert (light[numbers > 1] < 1.9).all()


def test_distances_are_those_to_the_nearest_point_of_the_line():
    line = centre_line(np.random.default_rng(4)) + 20
    found, _, pixels = distances(line[:-1], line[1:], 7, (64, 64))
    field = np.full((64, 64), np.inf)
    np.minimum.at(field, pixels, found)
    fine = np.linspace(line[:-1], line[1:], 20).reshape(-1, 2)
    y, x = np.mgrid[:64, :64]
    exact = np.hypot(x[..., None] - fine[:, 0], y[..., None] - fine[:, 1]).min(axis=2)
    close = exact < 5
    assert close.sum() > 100
    np.testing.assert_allclose(field[close], exact[close], atol=0.02)


@pytest.mark.parametrize("times", [1, 1.5, 4])
def test_each_object_has_its_number_on_pixels_of_its_class(times):
    without, pixels = 0, 0
    for seed in range(8):
        _, mask, numbers = scene(np.random.default_rng(seed), 240, 200, times, 1.5)
        assert (numbers.dtype, numbers.shape) == (np.uint16, mask.shape)
        pairs = np.unique(np.stack([numbers, mask])[:, numbers > 0], axis=1)
        assert len(set(pairs[0])) == pairs.shape[1] > 0
        assert BACKGROUND not in pairs[1]
        without += (numbers[mask > 0] == 0).sum()
        pixels += (mask > 0).sum()
    assert 0 < without < 0.06 * times * pixels  # the cells of which less than a third is in sight


@pytest.mark.parametrize("times", [1.5, 4])
def test_magnified_scenes_show_fewer_and_larger_objects(times):
    def cells(magnification):
        found = []
        for seed in range(8):
            mask = scene(np.random.default_rng(seed), 240, 240, magnification)[1]
            assert mask.shape == (240, 240)
            found += list(cv2.connectedComponentsWithStats(np.uint8(mask == 1))[2][1:, 4])
        return np.array(found)

    plain, magnified = cells(1), cells(times)
    assert len(magnified) < len(plain)
    assert 0.6 * times < np.sqrt(np.median(magnified) / np.median(plain)) < 1.6 * times


def test_a_wide_stroke_widens_the_masks_of_spirochaetes_only():
    def drawn(stroke):
        return scene(np.random.default_rng(4), 200, 200, 1, stroke)[:2]

    (image, mask), (same, wide) = drawn(1), drawn(2)
    assert (image == same).all()
    assert ((mask == SPIROCHAETE) <= (wide == SPIROCHAETE)).all()
    assert 1.5 < (wide == SPIROCHAETE).sum() / (mask == SPIROCHAETE).sum() < 2.2


def test_a_range_of_magnifications_is_drawn_from(tmp_path):
    for name, magnification in (("one", (1, 1)), ("some", (1, 4))):
        synthesize(tmp_path / name, images=3, size=SIZE, seed=3, magnification=magnification)
    one, some = (sorted((tmp_path / n / "masks").iterdir()) for n in ("one", "some"))
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(one, some, strict=True))


def test_scenes_without_confusers_are_the_same_bytes_as_ever(tmp_path):
    """At any magnification and stroke; as they were before there were confusers."""
    synthesize(tmp_path, images=12, size=SIZE, seed=3, magnification=(1, 4), stroke=1.6)
    digest = hashlib.sha256()
    for folder in FOLDERS:
        for path in sorted((tmp_path / folder).iterdir()):
            with Image.open(path) as file:
                digest.update(np.asarray(file).tobytes())
    assert digest.hexdigest() == "10618fe10d29fb9d978dc2444f32f11e7a45f27312e7f3b47d942e70a30cf654"
