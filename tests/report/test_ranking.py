"""`darkfield rank`: much doubt first, and no two alike."""

import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from PIL import Image

from darkfield.cli import run_predict, run_rank
from darkfield.data.synthetic import scene
from darkfield.files import UserError, read_csv
from darkfield.report.corrections import predictions, ranked
from darkfield.report.label_file import read_label, write_label
from darkfield.report.ranking import LISTED, apart, best_first, in_words, shares, unsure_objects

MODEL = REPOSITORY / "models/darkfield"


def test_each_column_counts_alike_whatever_its_size():
    amounts = np.array([[100, 0, 0], [300, 0, 1], [0, 0, 1]])
    assert shares(amounts).tolist() == [1 / 8, (3 / 4 + 1 / 2) / 2, 1 / 4]
    assert shares(np.zeros((2, 3))).tolist() == [0, 0]


def test_a_twin_of_what_is_chosen_comes_last_however_doubtful():
    doubt = np.array([0.4, 0.39, 0.1, 0.2])
    features = np.array([[0.0, 0], [0, 0], [0, 1], [1, 0]])
    assert best_first(doubt, apart(features)) == [0, 3, 2, 1]


def test_one_that_speaks_for_many_comes_before_one_of_more_doubt():
    doubt = np.array([0.3, *[0.1] * 7])
    features = np.array([[9.0], *[[k / 50] for k in range(7)]])
    first, second, *_ = best_first(doubt, features)
    assert (first, second) == (4, 0)  # the middle of the seven


def test_equal_pictures_keep_their_order():
    assert best_first(np.ones(3), apart(np.zeros((3, 2)))) == [0, 1, 2]


def test_after_many_the_most_doubtful_come_first():
    n = LISTED + 3
    doubt = np.arange(n) / n
    order = best_first(doubt, apart(np.random.default_rng(0).normal(size=(n, 4))))
    assert sorted(order) == list(range(n))
    assert order[LISTED:] == sorted(order[LISTED:], reverse=True)


def test_an_object_as_likely_as_not_is_the_least_sure():
    objects = pd.DataFrame(
        {
            "image": ["a", "a", "b", "b"],
            "class": ["x", "y", "x", "x"],
            "confidence": [0.5, np.nan, 0.9, 1.0],
        }
    )
    unsure = unsure_objects(objects, pd.Series(["a", "none", "b"]))
    np.testing.assert_allclose(unsure, [[0.25, 0], [0, 0], [0.09, 0]])
    assert unsure_objects(objects[["image", "class"]], objects["image"]).shape == (4, 0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Scenes a, b and c, b twice and one that is black; and what predict made of them."""
    folder = tmp_path_factory.mktemp("ranked")
    (folder / "in").mkdir()
    for seed, name in enumerate("abc"):
        drawn = scene(np.random.default_rng(seed), 96, 128, 2)[0]
        Image.fromarray(drawn).save(folder / f"in/{name}.png")
    shutil.copy(folder / "in/b.png", folder / "in/b2.png")
    Image.new("RGB", (128, 96)).save(folder / "in/black.png")
    run_predict([str(folder / "in")], folder / "out", MODEL)
    return folder / "out"


def test_of_two_copies_one_is_ranked_behind_all_that_differ(made, capsys):
    run_rank(made, 3)
    names = [line.split()[1] for line in capsys.readouterr().out.splitlines()]
    assert len(names) == 3 and len({"b", "b2"} & set(names)) == 1
    table, places = ranked(made)
    assert [place.name for place in places] == list(table["image"])
    assert set(table["image"][-2:]) >= {"b", "b2"} - set(names)
    assert 0 < table["doubt"].sum() <= 1.0001
    assert len(predictions(made, MODEL, 2).places) == 2


def test_an_unlike_picture_is_said_to_be(made):
    line = dict(zip(ranked(made)[0]["image"], in_words(ranked(made)[0]), strict=True))["black"]
    assert "unlike the pictures that the model knows" in line


def test_the_gallery_has_the_ranks(made):
    import json

    text = (made / "index.html").read_text().split('id="data">')[1].split("</script>")[0]
    ranks = {one["name"]: one["correct"] for one in json.loads(text)["pictures"]}
    assert ranks == {name: at for at, name in enumerate(ranked(made)[0]["image"], start=1)}


def test_labels_of_earlier_versions_are_not_ranked(made, tmp_path, capsys):
    out = shutil.copytree(made, tmp_path / "out")
    indices, record = read_label(out / "a.png")
    del record["seen"]["doubts"]
    write_label(out / "a.png", indices, ["#000000"] * 3, record)
    with pytest.raises(UserError, match="run darkfield predict again"):
        run_rank(out, 3)
    in_order = [place.name for place in predictions(out, MODEL).places]
    assert in_order == list(read_csv(out / "counts.csv")["image"])
