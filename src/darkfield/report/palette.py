"""The colours of all figures, overlays and labels."""

import numpy as np

from darkfield.classes import class_names
from darkfield.network.spec import ModelSpec

BLACK = "#000000"  # of what is not coloured
GREY = "#7F7F7F"  # of a background that is drawn
HATCH = "#FFFFFF"  # of void
# Seven of Okabe and Ito (2008), which colour-blind readers can tell apart; then each as far from
# all before, from BLACK, GREY and HATCH as can be, after Glasbey et al. (2007), by glasbey 0.4.0:
# extend_palette([BLACK, GREY, HATCH, *PALETTE[:7]], 258, lightness_bounds=(28, 85))[3:].
# fmt: off
PALETTE = [
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#0072B2", "#8220BA",
    "#41FFB6", "#A21441", "#596100", "#A682FF", "#7DAE08", "#FFB29E", "#EBBEFF", "#A6BEA2",
    "#7D4928", "#246561", "#96EFFB", "#714D69", "#B2289A", "#9E8241", "#FF6D6D", "#AAAEC2",
    "#6555E3", "#088A10", "#00C6BE", "#E775FF", "#3D929E", "#8EE759", "#8271A2", "#B2615D",
    "#EBDFAA", "#BA968E", "#518AFF", "#595D49", "#00CA71", "#B24DDB", "#D2DFFF", "#515D75",
    "#AA310C", "#BABE5D", "#658251", "#186935", "#D74175", "#E78E59", "#DBCAD2", "#A2B2FF",
    "#C2EBD7", "#FF9ED7", "#B692CA", "#7992B6", "#799E92", "#7D8600", "#79AA69", "#9E5D00",
    "#966D86", "#D2B282", "#96C2C6", "#BEEFA2", "#614D92", "#D751C6", "#866955", "#FFC661",
    "#8E4551", "#79D7B2", "#96D2FF", "#8E519A", "#AE9A1C", "#DB4D41", "#EB929E", "#557D71",
    "#FF69C6", "#00D7F7", "#00FFE7", "#9A9A79", "#CEA6BE", "#C67D00", "#0092C2", "#2055CE",
    "#28AA3D", "#6175BA", "#82D27D", "#8E61DB", "#9E8E9E", "#61798A", "#796528", "#0C758A",
    "#BE7549", "#8E356D", "#AE6DB2", "#C6A6FF", "#6D6571", "#FFC6E7", "#6D514D", "#920C9E",
    "#59B692", "#DFBE00", "#6DAABA", "#AECA1C", "#B2598E", "#BAB2AE", "#B63D45", "#8692E3",
    "#24864D", "#D76D7D", "#C2CECE", "#F76D39", "#B25528", "#F78604", "#9E7575", "#00A69A",
    "#FB9AFF", "#C69A4D", "#316D00", "#39EB7D", "#7D75FF", "#FF6596", "#C6BEEB", "#556565",
    "#8E9AA2", "#FFAE71", "#455D9A", "#BA75E3", "#65CA49", "#F7D7C6", "#5D9239", "#8E964D",
    "#6D35CA", "#DB8AD2", "#007559", "#69DFD7", "#E3E382", "#3D6DE7", "#92B6D7", "#516939",
    "#69A6FF", "#EBD7F7", "#9A96BA", "#0C827D", "#828265", "#CECAB2", "#828296", "#14618E",
    "#D28271", "#C6EF69", "#967100", "#964504", "#B6DBEB", "#92392D", "#9A82C6", "#FF927D",
    "#4D82AA", "#416551", "#A2AE71", "#92F3D2", "#8A5D61", "#BED29E", "#8EFB96", "#DF9E8A",
    "#9EAEAA", "#659671", "#AE4D69", "#BE828E", "#AA31BA", "#5D7920", "#00BAD2", "#6D61B2",
    "#FFCA9A", "#695D82", "#B28E65", "#DBB2B2", "#9E693D", "#697165", "#9E9A96", "#8251B2",
    "#8EBA55", "#7D5100", "#CE419E", "#69B2AA", "#00E39E", "#695531", "#6D8E92", "#B6CAFF",
    "#00EFFB", "#BA8EAE", "#92557D", "#D7B251", "#9A5541", "#FF75EF", "#D7A6DF", "#A69AE3",
    "#96E7AA", "#EF556D", "#FBAEBE", "#B6B214", "#2DAE69", "#514DB2", "#656D92", "#7D7D39",
    "#714982", "#BA285D", "#A2D7CA", "#00CEA6", "#BEC6DB", "#D76949", "#9A7DA6", "#8AAA8A",
    "#9665B6", "#DBE3D2", "#DB96FB", "#5D92D2", "#79C6DF", "#AED769", "#FFB600", "#5D5959",
    "#009EFB", "#459282", "#8ABEAA", "#DB792D", "#3D616D", "#DFDFE7", "#FFA239", "#9A0882",
    "#B251AA", "#BA6914", "#B2AE8E", "#7D82B6", "#599E04", "#18E7C2", "#6D6D49", "#82BEFF",
    "#D7BADB", "#96A6D7", "#8E9E28", "#826186", "#CE5DE3", "#DFC67D", "#758A7D", "#DF61AE",
    "#DB92BA", "#A22024", "#B6697D", "#9A39CA", "#31A2BE", "#189A4D", "#9A7D61", "#CA5561",
    "#B2A6B2", "#496D92", "#0C86DB", "#FBC6CA", "#82BE8E", "#CED249", "#756D00",
]
# fmt: on
MISSED, INVENTED, CONFUSED = "#0072B2", "#D55E00", "#F0E442"
SPLITS = {"train": ("#0072B2", "-"), "val": ("#009E73", ":"), "test": ("#D55E00", "--")}


def class_colours(spec: ModelSpec, behind: str = BLACK) -> dict[str, str]:
    """The colour, "#RRGGBB", of each class of a model, by index; no two are the same.

    That of the background is `behind`; others are what spec.colours says, or those of PALETTE in
    the order of the classes.
    """
    chosen = spec.colours
    own = {n: c for n, c in zip(spec.looked_for, PALETTE, strict=False) if n not in chosen}
    spare = (c for c in PALETTE if c not in {*own.values(), *chosen.values()})
    colours = chosen | {n: next(spare) if c in chosen.values() else c for n, c in own.items()}
    return {name: colours.get(name, behind) for name in class_names(spec.classes)}


def rgb(colour: str) -> np.ndarray:
    """A colour "#rrggbb" as uint8 (3,)."""
    return np.frombuffer(bytes.fromhex(colour[1:]), dtype=np.uint8)
