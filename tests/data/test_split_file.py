"""Tables of the user's own: a CSV or lists, matched with the images, all problems at once."""

import pytest

from darkfield.data.split_file import image_of, lists, read
from darkfield.files import UserError

IMAGES = ["a", "b", "c.1", "film/0001"]


def problems(place, images=IMAGES, column=None):
    with pytest.raises(UserError) as error:
        read(str(place), images, column)
    return str(error.value).splitlines()


def test_a_table_is_read_in_the_order_of_the_images(tmp_path):
    table = tmp_path / "split.csv"
    rows = ("split,image, patient", "test,film/0001.png, P 1", " train ,c.1,NA", "", "val,b,7")
    table.write_text("\n".join((*rows, "train,x/a.tif,7")), encoding="utf-8-sig")
    found = read(str(table), IMAGES, None)
    assert found["split"].tolist() == ["train", "val", "train", "test"]
    assert found["patient"].tolist() == ["7", "7", "NA", "P 1"]
    assert lists(str(table)) == [str(table)]


def test_lists_of_names_or_of_pairs_are_a_split(tmp_path):
    (tmp_path / "train.txt").write_text("/CamVid/train/a.png /CamVid/trainannot/a.png\nb\n\n")
    (tmp_path / "test.txt").write_text("c.1\r\nfilm\\0001.jpg\r\n")
    (tmp_path / "trainval.txt").write_text("a\nb\n")
    assert lists(str(tmp_path)) == [str(tmp_path / "train.txt"), str(tmp_path / "test.txt")]
    assert read(str(tmp_path), IMAGES, None)["split"].tolist() == ["train", "train", "test", "test"]


@pytest.mark.parametrize(
    ("entry", "image"),
    [
        *(("a", "a"), ("a.png", "a"), ("c.1", "c.1"), ("c.1.png", "c.1"), ("c", None)),
        *(("deep/film/0001.png", "film/0001"), ("0001", None), ("/", None), ("", None)),
        *(("two words", "two words"), ("two words.png", "two words"), ("a b", "a")),
        *(("e\u0301.png", "\u00e9"), ("..", None)),
    ],
)
def test_an_entry_means_the_image_that_its_path_ends_in(entry, image):
    assert image_of(entry, {*IMAGES, "two words", "\u00e9"}) == image


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    table = tmp_path / "split.csv"
    rows = ["a,train", "a.png,test", "z,valid", *(f"y{i},train" for i in range(6)), "film/0001,"]
    table.write_text("\n".join(["image,split", *rows]))
    assert problems(table) == [
        f"split.file: {table}: {line}"
        for line in (
            "z, y0, y1, y2, y3 and 2 more are not among the images; correct or remove the line",
            "b, c.1 are not named; add the name, or take the image out of data.root",
            "a is named more than once; keep one line each",
            "the column split has '', 'valid'; write train, val or test",
        )
    ]


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        (
            "image;split\na;train\n",
            None,
            "has no column image and split (it has image;split)",
        ),
        ("image,patient\na,1\n", None, "has no column split (it has image, patient); add it"),
        ("image,split\na,train\n", "patient", "has no column patient (it has image, split)"),
        ("image,patient\na,\nb,1\n", "patient", "a is without a patient; fill it in"),
        ("", None, "is no table in UTF-8 (No columns to parse from file)"),
        (b"image,split\n\xe4,train\n", None, "is no table in UTF-8 ('utf-8' codec"),
        ('image,split\na,train\n"b,train\n', None, "is no table in UTF-8 (Error tokenizing data"),
        ("image,split\n", None, "a, b are not named"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path, text, column, words):
    table = tmp_path / "split.csv"
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    (line,) = problems(table, ["a", "b"], column)
    assert words in line


def test_a_table_may_say_the_groups_alone(tmp_path):
    table = tmp_path / "patients.csv"
    table.write_text("image,patient\na,2\nb,1\n")
    found = read(str(table), ["b", "a"], "patient")
    assert found["patient"].tolist() == ["1", "2"] and "split" not in found


def test_what_is_not_there(tmp_path):
    missing, empty = tmp_path / "missing.csv", tmp_path / "empty"
    empty.mkdir()
    assert problems(missing)[0].endswith("no such file or folder; correct it, or set null")
    assert problems(empty)[0].endswith("holds no train.txt, val.txt or test.txt; add them")
