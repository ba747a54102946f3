"""A model's record of the images that it was trained on, and what overlaps with it."""

import pandas as pd
import pytest

from darkfield.data.trained_on import (
    caveats,
    kept_in_train,
    leak,
    merged,
    pooled,
    qualified,
    record,
    recorded,
    seen,
)
from darkfield.files import UserError, write_json

# Two images each of the fields 0, 1 and 2, and one of field 3.
TABLE = pd.DataFrame(
    {
        "image_pixels_sha256": list("abcdefg"),
        "group": [0, 0, 1, 1, 2, 2, 3],
        "split": ["train", "train", "train", "test", "test", "test", "val"],
    }
)


def test_the_record_is_of_the_training_images_and_their_fields():
    assert record(TABLE) == {"a": 0, "b": 0, "c": 1}


def test_an_image_is_seen_if_it_or_another_of_its_field_is_on_record():
    assert seen(TABLE, {"f": 17}).tolist() == [False] * 4 + [True] * 2 + [False]
    assert not seen(TABLE, {}).any()


def test_fields_of_pretrained_weights_stay_apart_unless_they_share_an_image():
    both = merged({"a": 0, "b": 0, "c": 1}, {"c": 0, "x": 0, "y": 5})
    assert both.keys() == set("abcxy")
    assert both["a"] == both["b"]
    assert both["c"] == both["x"]
    assert len(set(both.values())) == 3
    assert merged({"a": 0, "c": 1}, {"a": 4, "c": 4}) == {"a": 0, "c": 0}
    assert merged({"a": 0}, {}) == {"a": 0}
    assert merged({"a": 0}, None) is None


def test_what_leaks_is_counted_and_said():
    counts = leak(TABLE, record(TABLE))
    assert counts == {
        "test": {"trained_on": 0, "same_field": 1, "of": 3},
        "val": {"trained_on": 0, "same_field": 0, "of": 1},
    }
    assert caveats(counts) == ["1 of 3 test images show a field of view trained on"]
    assert caveats(leak(TABLE, {"e": 0, "g": 1})) == [
        "1 of 3 test images were trained on",
        "1 of 3 test images show a field of view trained on",
        "1 of 1 val images were trained on",
    ]


def test_metrics_say_what_leaks_and_nothing_where_nothing_does():
    assert qualified(TABLE, {"a": 0}) == {}
    assert qualified(TABLE, {"e": 0})["leak"]["test"]["trained_on"] == 1
    unknown = qualified(TABLE, None)
    assert unknown["leak"] is None
    assert "does not say" in unknown["caveats"][0]


def test_metrics_of_all_folds_say_it_of_all_their_images():
    fold = {"leak": leak(TABLE, {"e": 0}), "caveats": ["..."]}
    assert pooled([{}, {}], 9) == {}
    assert pooled([fold, {}, fold], 9)["caveats"] == [
        "2 of 9 test images were trained on",
        "2 of 9 test images show a field of view trained on",
    ]
    assert pooled([fold, qualified(TABLE, None)], 9)["leak"] is None


def test_what_pretrained_weights_know_stays_in_train_unless_the_user_says_otherwise(tmp_path):
    spec = tmp_path / "model.json"
    write_json(spec, {"trained_on": {"c": 0}})
    assert kept_in_train(TABLE, [spec], "refuse") == [False] * 2 + [True] * 2 + [False] * 3
    assert not any(kept_in_train(TABLE, [spec], "report"))
    other = tmp_path / "other.json"
    write_json(other, {"trained_on": {"a": 0}})
    both = kept_in_train(TABLE, [spec, other], "refuse")
    assert both == [
        one or two
        for one, two in zip(
            *(kept_in_train(TABLE, [path], "refuse") for path in (spec, other)), strict=True
        )
    ]
    assert both[0]
    assert not any(kept_in_train(TABLE, [], "refuse"))


def test_a_model_without_a_record_is_refused(tmp_path):
    write_json(tmp_path / "model.json", {"classes": {}})
    with pytest.raises(UserError, match=r"model.json: does not say .*evaluate.trained_on: report"):
        recorded(tmp_path / "model.json")
