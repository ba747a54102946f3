"""Which class a label is: the names that annotators use, and the classes of data.classes."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from darkfield.classes import IGNORE, INSTANCES, VOID, class_names
from darkfield.data.annotations.drawing import Region
from darkfield.files import UserError


def parse(options: Sequence[str], classes: dict[str, int]) -> list[tuple[str, int]]:
    """(pattern, class index) of options "RBC=erythrocyte", "*=erythrocyte", "2=spirochaete".

    The class IGNORE is VOID. Raises UserError with all that have another form, or name no class of
    `classes`.
    """
    known = {name.casefold(): index for name, index in (classes | {IGNORE: VOID}).items()}
    table, problems = [], []
    for option in options:
        label, equals, name = option.rpartition("=")
        index = known.get(name.strip().casefold())
        if not equals:
            problems.append(f"--label {option}: write it as LABEL=CLASS")
        elif index is None:
            names = ", ".join(class_names(classes))
            problems.append(f"--label {option}: {name!r} is no class of data.classes ({names})")
        else:
            table.append((label.strip().casefold(), index))
    if problems:
        raise UserError(*problems)
    return table


def classified(
    region: Region, table: Sequence[tuple[str, int]], classes: dict[str, int], outside: int = 0
) -> tuple[int, Region] | None:
    """A region with its class's index; None if no reading of its label names one.

    The first pattern of `table` that fits decides, then a class of that name, in upper or lower
    case. In a label image 0 is class 0 unless said otherwise, if that is the background, `outside`;
    with the pattern "instances" each other value is an object.
    """
    label = region.label.strip().casefold()
    for reading in (*(each.strip().casefold() for each in region.before), label):
        for pattern, index in table:
            if reading == pattern or (region.is_object and fnmatchcase(reading, pattern)):
                return index, region
        for name, index in classes.items():
            if reading == name.casefold():
                return index, region
    if not region.is_object and label == "0":
        return (0, region) if outside == 0 else None
    if not region.is_object and label.isdecimal():
        for pattern, index in table:
            if pattern == INSTANCES:
                return index, region._replace(is_object=True)
    return None


def unknown(found: Sequence[Region], classes: dict[str, int]) -> str:
    """What to say of regions that `classified` finds no class for."""
    labels = sorted({region.label for region in found}, key=lambda each: (len(each), each))
    name = class_names(classes)[1]
    option = f"--label {labels[-1]}={name}"
    shown = ", ".join(labels[:5]) + (", ..." if len(labels) > 5 else "")
    if labels == ["0"] and not found[0].is_object:
        return f"holds the value 0; say what it is: --label 0={IGNORE}, or the name of a class"
    if not any(region.is_object for region in found):
        return (
            f"holds the values {shown}; say what they are: {option} for the class of a value, or "
            f"--label {INSTANCES}={name} if each is an object"
        )
    if labels == [""]:
        return f"has objects of no class; say which: --label '*={name}'"
    shown = ", ".join(repr(label) for label in labels[:5]) + (", ..." if len(labels) > 5 else "")
    return (
        f"has labels that data.classes does not name: {shown}; map them: "
        f"--label '{labels[-1]}={name}'"
    )
