"""Values of any type to 8 bits: by a range, exactly where that is possible."""

import numpy as np
import pytest

from darkfield.data.depth import MOST_SAMPLES, pooled, sample, to_bytes


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", ">u2", "u4", "i8", "f4", "f8"])
def test_the_limits_are_black_and_white(dtype):
    values = np.array([[0, 10, 20, 30, 110, 120]], dtype)
    assert to_bytes(values, [(10, 110)]).tolist() == [[0, 0, 26, 51, 255, 255]]


def test_16_bits_of_8_bits_are_these_again():
    grey = np.arange(256, dtype=np.uint8)[None]
    assert (to_bytes(grey.astype(np.uint16) * 257, [(0, 65535)]) == grey).all()


def test_each_channel_by_limits_of_its_own():
    values = np.full((2, 2, 3), 50, np.uint16)
    assert to_bytes(values, [(0, 50), (0, 100), (50, 60)])[0, 0].tolist() == [255, 128, 0]


def test_large_whole_numbers_keep_their_differences():
    values = np.array([[0, 1, 2]], np.int64) + 10**12
    assert to_bytes(values, [(10**12, 10**12 + 2)]).tolist() == [[0, 128, 255]]


def test_what_is_no_number_is_black_and_infinity_white():
    values = np.array([[np.nan, -np.inf, np.inf, 0.5]], np.float32)
    assert to_bytes(values, [(0, 1)]).tolist() == [[0, 0, 255, 128]]


def test_many_rows_like_few():
    values = np.random.default_rng(0).normal(size=(1100, 3)).astype(np.float32)
    rows = [to_bytes(values[i : i + 1], [(-1, 1)]) for i in range(len(values))]
    assert (to_bytes(values, [(-1, 1)]) == np.concatenate(rows)).all()


def test_a_hot_pixel_does_not_decide_the_range():
    values = np.arange(10_000).reshape(100, 100)
    values[0, 0], values[0, 1] = 10**6, -(10**6)
    low, high = pooled([sample(values)])
    assert (low, high) == pytest.approx((10, 9989), abs=3)


def test_equal_percentiles_give_way_to_the_extremes():
    values = np.zeros((200, 200), np.uint16)
    values[3, 3] = 7
    assert pooled([sample(values)]) == (0, 7)
    assert to_bytes(values * 0 + 5, [(5, 5)]).max() == 0


def test_samples_are_few_and_of_all_channels():
    large = np.zeros((3000, 2000, 3), np.uint16)
    large[..., 2] = 9
    found = sample(large)
    assert len(found) <= 3 * MOST_SAMPLES
    assert (found == 9).mean() == pytest.approx(1 / 3)


def test_without_a_finite_value_there_is_no_range():
    with pytest.raises(ValueError, match="holds no finite value"):
        pooled([sample(np.full((2, 2), np.nan))])
