"""The sheet that a reviewer asks for, of a run on pictures of noise."""

import pages

from darkfield.objects.calibration import Calibration, Objects
from darkfield.publish.validation import sheet


def arguments(**of_page):
    found = pages.arguments(**of_page)
    return {
        **{key: found[key] for key in ("spec", "settings", "counts", "table", "matrices")},
        **{key: found[key] for key in ("objects", "object_scores")},
        "found": found["scores"],
    }


def test_it_says_what_the_results_say():
    given = arguments()
    text = sheet(**given)
    assert (
        f"SHA-256 of the list of images and masks `{'d' * 64}`, of the split `{'s' * 64}`" in text
    )
    assert f"| test | 3 | 3 | {given['counts']['pixels']['test']['background']:,} |" in text
    assert "No group stands on more than one side of the split" in text
    assert f"| spirochaete | {given['found']['test']['spirochaete']['iou']:.3f} |" in text
    of = given["object_scores"]["test"]["erythrocyte"]
    assert f"| drawn | {of['drawn']:.0f} |" in text
    assert f"erythrocyte: {of['predicted']:.0f} counted where {of['drawn']:.0f} were drawn" in text
    assert "8 epochs" not in text and "batches of 8, seed 1" in text
    assert "too few; 10 are the least." in text
    assert "None" not in text and "nan" not in text


def test_every_table_has_as_many_cells_as_its_head():
    rows = []
    for line in sheet(**arguments()).splitlines():
        if not line.startswith("|"):
            rows = []
            continue
        rows.append(line.replace(r"\|", "").count("|"))
        assert rows[-1] == rows[0], line


def test_a_group_on_two_sides_is_told():
    given = arguments()
    given["table"] = given["table"].assign(group=0)
    assert "**1 of 1 groups stands on more than one side" in sheet(**given)


def test_a_class_may_have_any_name():
    """One with a pipe has a cell of its own, in the tables of pixels and of their calibration."""
    given = arguments()
    calibration = Calibration(temperatures=(1.25, 1, 2), images=7)
    given["spec"] = given["spec"].model_copy(update={"calibration": calibration})
    reliability = given["object_scores"]["reliability"]
    assert "Fitted on the 7 val images" in sheet(**given)
    assert "background 1.25, erythrocyte 1.0, spirochaete 2.0." in sheet(**given)
    reliability["pixels"] = {"a|b": {"before": 0.25, "after": 0.125}}
    assert r"| a\|b | 25.0 % | 12.5 % |" in sheet(**given)
    given["counts"]["pixels"]["all"] = {"a|b": 3, "c": 1, "d": 0}
    assert r"a\|b 75.0 %, c 25.0 %, d 0.0 %" in sheet(**given)


def test_what_an_earlier_model_knew_is_not_said_to_be_fitted_on_val():
    given = arguments()
    known = Objects(intercept=0, slopes=(1,) * 5, threshold=0.3, spread=None)
    calibration = Calibration(temperatures=(1, 1, 1), objects={"spirochaete": known}, images=0)
    given["spec"] = given["spec"].model_copy(update={"calibration": calibration})
    text = sheet(**given)
    assert "There are no val images, so nothing was fitted" in text and "Fitted on" not in text
    assert "the confidence of these objects is that of the model that the training" in text


def test_without_test_images_it_says_so():
    text = sheet(**arguments(splits=("train",) * 4 + ("val",) * 2))
    assert "No test images: split.test is 0." in text
    assert "No test images, so no failure could be seen." in text


def test_a_road_model_is_not_one_of_microscopy():
    given = arguments()
    assert "microscop" not in sheet(**given)
    given["spec"] = given["spec"].model_copy(update={"modality": "darkfield microscopy"})
    assert "Semantic segmentation of darkfield microscopy pictures into" in sheet(**given)


def test_the_share_of_void_is_told_if_masks_have_it():
    given = arguments()
    assert "Void" not in sheet(**given)
    given["table"] = given["table"].assign(pixels_ignore=240)
    assert "(`ignore` in data.mask_values): 10.0 % of all." in sheet(**given)
