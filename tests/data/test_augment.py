"""Windows hold what they should, image and mask move together, a seed repeats itself."""

import multiprocessing

import numpy as np
import pytest
import torch
from conftest import LONG
from torchvision import tv_tensors
from toy import digests, run, toy_dataset

from darkfield.classes import VOID
from darkfield.data.augment import RandomWindow, StrayLight, augmentation
from darkfield.data.pixels import Pictures, new_pixels
from darkfield.recipe import Augment

ALL = Augment(
    **{"scale": [0.7, 1.5], "foreground": 0.5, "flip": True, "turn": True},
    **dict.fromkeys(("brightness", "contrast", "saturation", "hue"), 0.2),
    **{"stray_light": 0.5, "blur": 1.5, "noise": 0.1},
)


def pair(height=60, width=80, spot=None):
    """A picture whose first channel is its mask; the mask is background but for a spot."""
    mask = torch.zeros(height, width, dtype=torch.uint8)
    if spot:
        mask[spot] = 2
    rest = torch.randint(0, 256, (2, height, width), dtype=torch.uint8)
    return tv_tensors.Image(torch.cat([mask[None], rest])), tv_tensors.Mask(mask)


def test_nothing_asked_for_nothing_done():
    assert augmentation(Augment(), None) is None


@pytest.mark.parametrize("spot", [(0, 0), (59, 79), (30, 2)])
def test_foreground_windows_hold_the_foreground(spot):
    window = RandomWindow((16, 24), (1, 1), foreground=1)
    for seed in range(30):
        torch.manual_seed(seed)
        image, mask = window(*pair(spot=spot))
        assert image.shape == (3, 16, 24)
        assert mask.shape == (16, 24)
        assert mask.sum() == 2
        assert (image[0] == mask).all()


def test_other_windows_are_anywhere():
    window, hits = RandomWindow((30, 40), (1, 1), foreground=0), 0
    for seed in range(200):
        torch.manual_seed(seed)
        hits += int(window(*pair(spot=(30, 40)))[1].any())
    assert 150 < hits <= 200  # most windows of a quarter of the picture hold its middle
    torch.manual_seed(0)
    assert not window(*pair())[1].any()


@pytest.mark.parametrize(("scale", "pixels"), [(0.5, 16 * 16 / 4), (2, 16 * 16 * 4)])
def test_scale_is_zoom(scale, pixels):
    image, mask = pair(100, 100, spot=(slice(40, 56), slice(40, 56)))
    window = RandomWindow((64, 64), (scale, scale), foreground=1)
    seen = [int((window(image, mask)[1] == 2).sum()) for _ in range(20)]
    assert max(seen) == pytest.approx(pixels, rel=0.1)


def test_beyond_the_picture_is_black_background():
    image, mask = window = RandomWindow((128, 128), (1, 1), foreground=0)(*pair(60, 80))
    assert all(x.shape[-2:] == (128, 128) for x in window)
    assert (image.sum(dim=0) > 0).sum() <= 60 * 80
    assert not mask.any()


def test_beyond_the_picture_is_the_background_whatever_its_index():
    image, mask = pair(60, 80)
    window = RandomWindow((128, 128), (1, 1), 0, background=2)
    image, mask = window(image, mask)
    assert ((mask == 2) == (image[1:].sum(dim=0) == 0)).float().mean() > 0.99
    assert set(mask.unique().tolist()) == {0, 2}


def test_without_a_background_beyond_the_picture_is_void():
    image, mask = RandomWindow((128, 128), (1, 1), 0, background=None)(*pair(60, 80))
    assert ((mask == VOID) == (image[1:].sum(dim=0) == 0)).float().mean() > 0.99
    assert set(mask.unique().tolist()) == {0, VOID}


def test_without_a_background_any_class_may_be_what_a_window_must_hold():
    window, seen = RandomWindow((4, 4), (1, 1), foreground=1, background=None), set()
    for seed in range(30):
        torch.manual_seed(seed)
        seen |= set(window(*pair(spot=(30, 2)))[1].unique().tolist())
    assert seen == {0, 2}


def test_turns_and_flips_reach_all_eight_and_move_mask_and_image_alike():
    transform = augmentation(Augment(flip=True, turn=True), None)
    image, mask = pair(8, 8, spot=(0, 1))
    seen = set()
    for seed in range(80):
        torch.manual_seed(seed)
        a, b = transform(image, mask)
        assert (a[0] == b).all()
        seen.add(tuple(map(int, b.nonzero()[0])))
    assert len(seen) == 8


def test_horizontal_flips_keep_up_and_down():
    """As true without its second half, for pictures that have an up, such as streets."""
    transform = augmentation(Augment(flip="horizontal"), None)
    image, mask = pair(12, 20, spot=(2, 5))
    seen = set()
    for seed in range(20):
        torch.manual_seed(seed)
        a, b = transform(image, mask)
        assert (a[0] == b).all()
        seen.add(tuple(map(int, b.nonzero()[0])))
    assert seen == {(2, 5), (2, 14)}


@pytest.mark.parametrize(
    "name", ["brightness", "contrast", "saturation", "hue", "stray_light", "blur", "noise"]
)
def test_colours_change_and_masks_do_not(name):
    transform = augmentation(Augment(**{name: 0.5}), None)
    image, mask = pair(32, 32, spot=(3, 3))
    torch.manual_seed(0)
    out = [transform(image, mask) for _ in range(32)]
    assert any((a != image).any() for a, _ in out)
    assert all(a.dtype == torch.uint8 and (b == mask).all() for a, b in out)


@pytest.mark.parametrize("blur", [0.001, 0.05, 15.5])
def test_any_blur_that_is_narrower_than_the_picture_is_one(blur):
    transform = augmentation(Augment(blur=blur), None)
    image, mask = pair(32, 32, spot=(3, 3))
    torch.manual_seed(0)
    assert all(transform(image, mask)[0].shape == image.shape for _ in range(16))


def test_stray_light_is_coloured_smooth_and_brightens_alone():
    torch.manual_seed(0)
    image = tv_tensors.Image(torch.zeros(3, 40, 60, dtype=torch.uint8))
    image[:, 10, 10] = torch.tensor([255, 200, 0], dtype=torch.uint8)
    light = StrayLight(0.8)
    for _ in range(20):
        lit, mask = light(image, tv_tensors.Mask(torch.ones(40, 60, dtype=torch.uint8)))
        assert (lit >= image).all()
        assert lit[0, 10, 10] == 255
        assert mask.all()
        field = lit[:, 20:].float()
        assert field.max() <= 0.8 * 255 + 0.5
        assert field.diff(dim=2).abs().max() <= 0.8 * 255 / 59 + 1
        red, green, blue = field.mean(dim=(1, 2))
        assert len({round(float(c)) for c in (red, green, blue)}) > 1
        # a product of colour and place, so that two channels differ by a factor alone
        assert torch.allclose(field[0] * blue, field[2] * red, atol=1.1 * float(red + blue))


@pytest.mark.parametrize(
    ("name", "value", "low", "high"),
    [("blur", 5, 70, 130), ("noise", 0.5, 70, 130), ("stray_light", 0.5, 130, 170)],
)
def test_many_pictures_stay_clean(name, value, low, high):
    """Where all are noisy, batch norm's statistics are of noise, and clean pictures fare badly."""
    transform = augmentation(Augment(**{name: value}), None)
    image, mask = pair(32, 32)
    torch.manual_seed(0)
    clean = sum(torch.equal(transform(image, mask)[0], image) for _ in range(200))
    assert low < clean < high


def test_an_item_depends_on_its_seed_alone():
    dataset = toy_dataset()
    dataset.transforms = augmentation(
        Augment(flip=True, noise=0.1, scale=(0.5, 2), foreground=0.5), (32, 32)
    )
    a, b, c = dataset[1, 7], dataset[1, 8], dataset[1, 7]
    state = torch.random.get_rng_state()
    dataset[2, 3]
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(x, y) for x, y in zip(a, c, strict=True))
    assert not torch.equal(a[0], b[0])
    assert np.array_equal(a[0].shape, (3, 32, 32))


@pytest.fixture(params=["fork", LONG("spawn"), LONG("forkserver")])
def start_method(request):
    """How processes are started by default: macOS and Python 3.14 do not fork."""
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method(request.param, force=True)
    yield request.param
    multiprocessing.set_start_method(before, force=True)


@pytest.mark.usefixtures("start_method")
def test_workers_change_no_byte_however_they_are_started(tmp_path):
    dataset = toy_dataset(size=(64, 64))
    for name, shape in (("images", (3,)), ("masks", ())):
        with new_pixels(tmp_path / f"{name}.npy", *shape) as append:
            for picture in getattr(dataset, name):
                append(picture)
        setattr(dataset, name, Pictures([tmp_path / f"{name}.npy"], [(64, 64)] * 4, range(4)))
    dataset.transforms = augmentation(ALL, (48, 48))
    run(dataset, tmp_path / "none", 1)
    run(dataset, tmp_path / "two", 1, workers=2)
    assert digests(tmp_path / "two") == digests(tmp_path / "none")


def test_void_is_no_foreground():
    window = RandomWindow((16, 24), (1, 1), foreground=1)
    image, mask = pair(spot=(30, 2))
    mask[:, 40:] = VOID
    for seed in range(30):
        torch.manual_seed(seed)
        assert (window(image, mask)[1] == 2).sum() == 1
    _, only = window(image, tv_tensors.Mask(torch.full_like(mask, VOID)))
    assert (only == VOID).all()


@pytest.mark.parametrize("scale", [0.6, 0.75, 1, 1.3, 1.6])
def test_a_mask_lies_where_its_picture_shows_it(scale):
    y, x = np.mgrid[:80, :80]
    disc = torch.from_numpy(((y - 39.5) ** 2 + (x - 39.5) ** 2 < 400).astype(np.uint8))
    whole = round(80 * scale)
    image, mask = RandomWindow((whole, whole), (scale, scale), foreground=0)(
        tv_tensors.Image(255 * disc.expand(3, -1, -1)), tv_tensors.Mask(disc)
    )
    for axis in (0, 1):
        places = torch.arange(whole, dtype=torch.float64)
        shown, drawn = (
            float((each.double().sum(1 - axis) * places).sum() / each.double().sum())
            for each in (image[0], mask)
        )
        assert shown == pytest.approx(drawn, abs=0.2)
