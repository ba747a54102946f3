"""The table that a run ends with."""

from darkfield.report.summary import summary


def scores(**values):
    names = ("iou", "dice", "precision", "recall", "overlap_accuracy", "overlap_accuracy_present")
    return dict.fromkeys(names) | values


def test_every_number_stands_in_its_column():
    test = {"miou": 0.75, "mdice": 0.857, "cell": scores(iou=0.5, recall=1.0), "worm": scores()}
    lines = summary({"epoch": 7, "test": test, "val": None}).splitlines()
    assert "epoch 7" in lines[0]
    start = {title: lines[1].index(title) + len(title) for title in ("IoU", "Dice", "recall")}
    assert lines[2][: start["IoU"]].split() == ["cell", "0.500"]
    assert lines[2][: start["recall"]].split() == ["cell", "0.500", "1.000"]
    assert lines[3].split() == ["worm"]
    assert lines[4].split() == ["mean", "0.750", "0.857"]
    assert lines[4][: start["IoU"]].split() == ["mean", "0.750"]


def test_caveats_stand_below_the_table():
    test = {"miou": 0.75, "mdice": 0.857, "cell": scores(iou=0.5)}
    text = summary({"epoch": 7, "test": test, "caveats": ["3 of 9 test images were trained on"]})
    assert text.splitlines()[-1] == "3 of 9 test images were trained on"


def test_without_a_test_split():
    assert "split.test is 0" in summary({"epoch": 7, "test": None, "val": None})
