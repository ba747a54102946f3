"""Which pictures a file holds; channels and planes that become one."""

import numpy as np
import pytest

from darkfield.data.axes import Asked, Channel, Scene, Unclear, composed, parts, position

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def scene(sizes, **options):
    """Planes of 2 x 3 pixels whose value tells their place: 100 c + 10 z + t."""

    def plane(at):
        assert at.keys() == sizes.keys()
        return np.full((2, 3), 100 * at.get("C", 0) + 10 * at.get("Z", 0) + at.get("t", 0), "u2")

    return Scene(sizes, plane, **options)


def shown(sizes, asked=Asked(), at=None, **options):  # noqa: B008
    raw = composed(scene(sizes, **options), at or {}, asked)
    return np.atleast_1d(raw.pixels[0, 0]).tolist(), *raw.notes


def test_the_only_picture_of_a_file_adds_nothing_to_its_name():
    assert list(parts([scene({})])) == [""]
    assert list(parts([scene({"C": 3, "Z": 5, "t": 1})])) == [""]


def test_pictures_are_named_by_scene_time_and_page():
    assert list(parts([scene({"t": 2})] * 2)) == [
        *("_s01_t001", "_s01_t002", "_s02_t001", "_s02_t002"),
    ]
    names = list(parts([scene({"page": 1000, "C": 2})]))
    assert (names[0], names[-1]) == ("_page0001", "_page1000")
    assert names == sorted(names)
    assert parts([scene({"t": 3})] * 2)["_s02_t003"] == (1, {"t": 2})


def test_planes_are_their_maximum_unless_one_is_asked_for():
    assert shown({"Z": 3, "t": 2}, at={"t": 1}) == ([21], "maximum of 3 planes")
    assert shown({"Z": 3}, Asked(z=2)) == ([10], "plane 2 of 3")
    assert shown({}, Asked(z=2)) == ([0],)
    with pytest.raises(Unclear, match="holds 3 planes, and none is 4; choose another with --z"):
        shown({"Z": 3}, Asked(z=4))


def test_the_maximum_passes_over_values_that_are_no_numbers():
    values = np.array([[np.nan, 1], [2, np.nan]], np.float32)
    found = composed(Scene({"Z": 2}, lambda at: values[at["Z"]][None]), {}, Asked())
    assert found.pixels.tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("colours", "expected"),
    [
        ((), [0, 100, 200]),
        ((None, None, None), [0, 100, 200]),
        ((WHITE, WHITE, WHITE), [0, 100, 200]),
        ((BLUE, GREEN, RED), [200, 100, 0]),
        ((GREEN, (250, 20, 20), BLUE), [100, 0, 200]),
    ],
)
def test_three_channels_are_rgb_by_their_colours(colours, expected):
    pixels, *notes = shown({"C": 3}, channels=[Channel(colour=c) for c in colours])
    assert pixels == expected
    assert notes == ([] if any(colours) else ["channels 1, 2, 3 as RGB"])


@pytest.mark.parametrize(
    ("number", "colours"),
    [
        (2, ()),
        (4, ()),
        (3, ((0, 255, 255), GREEN, RED)),
        (3, (RED, RED, BLUE)),
        (3, (RED, None, BLUE)),
    ],
)
def test_other_channels_are_a_question_that_an_option_answers(number, colours):
    channels = [Channel(colour=c) for c in colours]
    with pytest.raises(Unclear, match=f"holds {number} channels, .*: --channels 1 or"):
        shown({"C": number}, channels=channels)
    assert shown({"C": number}, Asked(channels=(2,)), channels=channels) == ([100], "channels 2")


def test_channels_by_name():
    named = {"channels": [Channel("DAPI"), Channel("FITC"), Channel("Cy5"), Channel("BF")]}
    with pytest.raises(Unclear, match=r"holds 4 channels \(DAPI, FITC, Cy5, BF\), and it is"):
        shown({"C": 4}, **named)
    assert shown({"C": 4}, Asked(channels=("Cy5",)), **named)[0] == [200]
    assert shown({"C": 4}, Asked(channels=("BF", 1, "FITC")), **named)[0] == [300, 0, 100]
    with pytest.raises(Unclear, match=r"\(DAPI, FITC, Cy5, BF\), and none is GFP; choose others"):
        shown({"C": 4}, Asked(channels=("GFP",)), **named)


def test_the_channels_of_a_colour_picture_are_its_colours():
    colours = Scene({}, lambda at: np.full((2, 3, 3), (1, 2, 3)))
    assert composed(colours, {}, Asked(channels=(2,))).pixels.tolist() == [[2] * 3] * 2
    assert composed(colours, {}, Asked(channels=(3, 2, 1))).pixels[0, 0].tolist() == [3, 2, 1]
    with pytest.raises(Unclear, match=r"holds 3 channels \(red, green, blue\), and none is 4"):
        composed(colours, {}, Asked(channels=(4,)))
    with pytest.raises(Unclear, match="holds one channel, and none is 2"):
        shown({}, Asked(channels=(2,)))


def test_limits_are_those_of_the_channels_that_are_shown():
    channels = [Channel(limits=(0, 10 * c)) for c in (1, 2, 3, 4)]
    three = composed(scene({"C": 4}, channels=channels), {}, Asked(channels=(4, 2, 1)))
    assert three.limits == ((0, 40), (0, 20), (0, 10))
    one = composed(scene({"C": 4}, channels=channels), {}, Asked(channels=(3,)))
    assert one.limits == ((0, 30),)
    channels[0] = Channel()
    assert composed(scene({"C": 4}, channels=channels), {}, Asked(channels=(4, 2, 1))).limits == ()


def test_a_wavelength_is_a_name_and_a_name_of_two_channels_is_none():
    lasers = ["405", "488", "561"]
    assert position(488, 3, lasers) == position("488", 3, lasers) == 1
    assert position(2, 3, lasers) == 1
    with pytest.raises(ValueError, match="and none is DAPI"):
        position("DAPI", 3, ["DAPI", "GFP", "DAPI"])
