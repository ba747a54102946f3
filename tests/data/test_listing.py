"""Which pictures are meant, and names that cannot collide."""

from pathlib import Path

import pytest
from PIL import Image

from darkfield.data.listing import Made, in_words, skipped, sources
from darkfield.files import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            path = Path("in", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return make


OUT = Path("out")


def names(*inputs, out=OUT):
    return {str(s.path): str(s.name) for s in sources(inputs, out)}


def test_a_folder_gives_its_pictures_and_keeps_subfolders(folder):
    folder("b.png", "a.TIF", "deep/er/c.jpeg", "notes.txt")
    expected = {"in/a.TIF": "a", "in/b.png": "b", "in/deep/er/c.jpeg": "deep/er/c"}
    assert names("in") == expected
    assert list(names("in")) == sorted(expected)


def test_hidden_files_and_what_is_in_hidden_folders_are_passed_over(folder):
    folder("a.png", "._a.png", "sub/.part-0123456789abcdef/b.png")
    assert names("in") == {"in/a.png": "a"}


def test_files_and_globs_each_once(folder):
    folder("a.png", "b.png", "sub/c.png")
    assert names("in/a.png", "in/*.png") == {"in/a.png": "a", "in/b.png": "b"}
    assert names("in/**/c.png") == {"in/sub/c.png": "c"}


def test_a_name_with_glob_characters_is_a_file(folder):
    folder("a[1].png")
    assert names("in/a[1].png") == {"in/a[1].png": "a[1]"}


def test_names_cannot_collide(folder):
    folder("a.png", "a.tif", "a.tif.png", "b.png")
    got = names("in")
    assert got["in/b.png"] == "b"
    assert len(set(got.values())) == 4


def test_pages_have_names_of_their_own(folder):
    folder("a_page001.png")
    frames = [Image.new("L", (4, 4), grey) for grey in (1, 2, 3)]
    frames[0].save("in/a.tif", save_all=True, append_images=frames[1:])
    frames[0].save("in/b.tif")
    listed = sources(["in"], OUT)
    assert [(s.path.name, s.part) for s in listed] == [
        *(("a.tif", f"_page00{page}") for page in (1, 2, 3)),
        ("a_page001.png", ""),
        ("b.tif", ""),
    ]
    assert len({s.name for s in listed}) == 5
    assert listed[-1].name == Path("b")


def test_what_was_made_before_is_no_picture(folder):
    folder("a.png", "out/a.png")
    assert names("in", out=Path("in/out")) == {"in/a.png": "a"}


def test_pictures_are_never_overwritten(folder):
    folder("a.png", "b.tif")
    with pytest.raises(UserError, match=r"^in/a\.png: --out in would overwrite pictures; name"):
        sources(["in"], Path("in"))


@pytest.mark.parametrize("name", ["overlays/a.jpg", "probabilities/a.tif"])
def test_nor_is_what_was_given_by_its_name(folder, name):
    folder(name)
    with pytest.raises(UserError, match="--out in would overwrite pictures"):
        sources([f"in/{name}"], Path("in"))


def test_two_folders_with_one_name_are_refused(folder, tmp_path):
    folder("one/a.png", "two/a.png")
    assert len(names("in")) == 2
    with pytest.raises(UserError, match=r"^a\.png: two inputs have a picture of this name$"):
        sources(["in/one", "in/two"], OUT)


def test_all_inputs_without_pictures_are_reported(folder):
    folder("notes.txt")
    with pytest.raises(UserError) as error:
        sources(["in", "nowhere", "*.czi"], OUT)
    assert str(error.value).splitlines() == [
        "in: holds no pictures",
        "nowhere: no such file or folder",
        "*.czi: no such file or folder",
    ]


def test_what_is_passed_over_is_counted(folder):
    folder("a.png", "b.bmp", "c.csv", "d.CSV", "notes", "sub/e.png", "sub/f.xyz", ".hidden/g.xyz")
    folder("out/made.csv", "._a.png", ".DS_Store")
    assert in_words(skipped(Path("in"), Path("in/out"))) == "2 .csv, 1 .xyz, 1 without an ending"
    known = skipped(Path("in"), Path("in/out"), known=lambda path: path.suffix.lower() == ".csv")
    assert in_words(known) == "1 .bmp, 2 .png, 1 .xyz, 1 without an ending"
    Path("in/linked").symlink_to("sub", target_is_directory=True)
    assert skipped(Path("in"))["linked folders"] == 1


def test_instances_of_every_class_are_removed_and_would_overwrite(folder):
    made = Made(OUT, Path("a"))
    for name in ("car", "[sky]"):
        made.instances(name).parent.mkdir(parents=True)
        made.instances(name).touch()
    other = Made(OUT, Path("b")).instances("car")
    other.touch()
    with pytest.raises(UserError, match="--out out would overwrite pictures"):
        names(str(made.instances("car")), out=OUT)
    made.remove()
    assert [path for path in OUT.rglob("*") if path.is_file()] == [other]


@pytest.mark.parametrize("given", ["in", "in/*", "in/**", "**/*.jpg", "in/*.jpg"])
def test_what_was_made_beside_the_pictures_is_none(folder, given):
    folder("a.jpg", "b.jpg")
    once = names(given, out=Path("in"))
    folder("a.png", "overlays/a.jpg", "probabilities/a.tif", "corrected/images/a.png")
    folder("instances/erythrocyte/a.tif")
    assert names(given, out=Path("in")) == once == {"in/a.jpg": "a", "in/b.jpg": "b"}


def test_a_glob_does_not_mean_what_was_made_before(folder):
    folder("a.jpg", "out/a.png", "out/overlays/a.jpg", "out/new.jpg")
    expected = {"in/a.jpg": "a", "in/out/new.jpg": "new"}
    assert names("in/*", out=Path("in/out")) == expected
    assert names("in/out/overlays/a.jpg") == {"in/out/overlays/a.jpg": "a"}


def test_what_is_there_on_request(folder):
    folder("geojson/a[1].geojson", "instances/erythrocyte/sub/a.tif")
    assert Made(Path("in"), Path("a[1]")).kinds() == {"geojson"}
    assert Made(Path("in"), Path("sub/a")).kinds() == {"instances"}
    assert Made(Path("in"), Path("b")).kinds() == set()
