"""What the values of params.yaml can be: the types of its models."""

import datetime
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    ValidationError,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from darkfield.classes import INSTANCES, class_names

PROBLEM = "problem"  # the type of a validation error whose message is already written for the user
T = TypeVar("T")


class Section(BaseModel):
    """A part of params.yaml: no other keys, no NaN or infinity, and immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def plain(self) -> dict[str, Any]:
        """The same as YAML and JSON represent it: dicts, lists, numbers, text; None for null."""
        return self.model_dump(mode="json")


def problem(text: str) -> PydanticCustomError:
    """What a validator raises about its value."""
    return PydanticCustomError(PROBLEM, "{text}", {"text": text})


def problems(lines: Iterable[tuple[str, str]]) -> ValidationError:
    """What a validator raises about several values: (key, text) pairs; a.b is key b of a."""
    details: list[InitErrorDetails] = [
        {"type": problem(text), "loc": tuple(filter(None, key.split("."))), "input": None}
        for key, text in lines
    ]
    return ValidationError.from_exception_data("params.yaml", details)


def unquoted(value: object) -> object:
    """A number or a boolean that is given as text.

    Snakemake passes `--config train='{epochs: 3}'` on as {"epochs": "3"}, and its YAML reads 1e-3,
    without a point, as text.
    """
    if isinstance(value, str) and re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?|true|false", value.lower()):
        with suppress(ValueError):
            return json.loads(value.lower())
    return value


def null(value: object) -> object:
    """None for the text null from --config; "none", as in earlier params.yaml, is refused."""
    if isinstance(value, str) and value.lower() == "none":
        raise problem(f"{value!r} is not null; write null")
    return None if value == "null" else value


def short(value: float) -> float:
    """1 for 1.0, as people write."""
    return int(value) if float(value).is_integer() and abs(value) < 1e15 else value


def rising(limits: tuple[float, float]) -> tuple[float, float]:
    if not limits[0] < limits[1]:
        raise problem(f"[{limits[0]:g}, {limits[1]:g}] is not [lower, higher]")
    return limits


def one_or_three(channels: tuple[int | str, ...]) -> tuple[int | str, ...]:
    if len(channels) not in (1, 3):
        raise problem(f"{len(channels)} channels; name one, or three as red, green and blue")
    return channels


def one_group(pattern: str) -> str:
    """Refuses what is neither a regular expression with one group nor, with none, plain text."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise problem(f"{pattern!r} is no regular expression ({error}); correct it") from error
    if groups > 1:
        raise problem(f"{pattern!r} has {groups} groups ( ); keep one, write (?: ) for the others")
    return pattern


def day(value: object) -> object:
    """Refuses what is no day, and YAML's own dates, at which DVC fails."""
    if isinstance(value, datetime.date):
        raise problem(f"{value} must be text; put it in quotes")
    if isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value).isoformat()
        except ValueError as error:
            raise problem(f"{value!r} is no day; write YYYY-MM-DD") from error
    return value


def spdx(licence: str) -> str:
    """A licence as SPDX spells it."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        if " " not in licence:
            return str(canonicalize_license_expression(licence))
    except InvalidLicenseExpression:
        pass
    raise problem(f"{licence!r} is no identifier of SPDX; write one, such as CC-BY-4.0 or MIT")


def checked_orcid(author: str) -> str:
    """Refuses an ORCID whose last digit, a check (ISO 7064, MOD 11-2), does not fit the others."""
    _, number = name_and_orcid(author)
    if number:
        digits = number.replace("-", "")
        total = 0
        for digit in digits[:-1]:
            total = (total + int(digit)) * 2
        if digits[-1] != "0123456789X"[(12 - total % 11) % 11]:
            raise problem(f"{author!r}: there is no such ORCID; check its digits")
    return author


def name_and_orcid(author: str) -> tuple[str, str | None]:
    """The two parts of "Ada Author (0000-0002-1825-0097)"; None without an ORCID."""
    name, _, number = author.partition(" (")
    return name, number.removesuffix(")") or None


Whole = Annotated[int, Strict(), BeforeValidator(unquoted)]
Index = Annotated[int, Strict(), Field(ge=0), BeforeValidator(unquoted)]
Count = Annotated[int, Strict(), Field(ge=1, le=1_000_000), BeforeValidator(unquoted)]
Flag = Annotated[bool, Strict(), BeforeValidator(unquoted)]
SHORT = PlainSerializer(short, return_type=int | float, when_used="json")
Number = Annotated[float, Strict(), BeforeValidator(unquoted), SHORT]
Positive = Annotated[float, Strict(), Field(gt=0), BeforeValidator(unquoted), SHORT]
Weight = Annotated[float, Strict(), Field(ge=0), BeforeValidator(unquoted), SHORT]
Seed = Annotated[int, Strict(), Field(ge=0, le=2**63 - 1), BeforeValidator(unquoted)]
Side = Annotated[int, Strict(), Field(ge=16, le=4096), BeforeValidator(unquoted)]
Edge = Annotated[int, Strict(), Field(ge=16, le=10_000), BeforeValidator(unquoted)]
Channels = Annotated[int, Strict(), Field(ge=1, le=65_536), BeforeValidator(unquoted)]
Range = Annotated[  # of values, shown as black and as white
    tuple[Number, Number],
    Field(title="a list of two numbers, the lower first"),
    AfterValidator(rising),
]
Shown = Annotated[  # channels of a picture
    tuple[Annotated[int, Strict(), Field(ge=1), BeforeValidator(unquoted)] | str, ...],
    Field(title="a list of one or three numbers or names"),
    AfterValidator(one_or_three),
]
Zoom = Annotated[float, Strict(), Field(ge=1, le=100), BeforeValidator(unquoted), SHORT]
Size = tuple[Side, Side]  # height, width
Place = Annotated[  # Snakemake would interpret braces and angle brackets
    str, Field(pattern=r"^[^{}<>\x00-\x1f]+$", title="a path without { } < >")
]
EncoderName = Annotated[str, Field(pattern=r"^[\w.-]+$", title="the name of an encoder")]
ModelName = Annotated[
    str, Field(pattern=r"^[^/{}<>*\n]+$", title="the NAME of a folder models/NAME")
]
GroupBy = Annotated[
    str,
    Field(min_length=1, title="a pattern with one group ( ), or the name of a column"),
    AfterValidator(one_group),
]
ClassName = Annotated[str, Field(title="the name of a class")]
Tta = Flag | Literal["flip"]  # test-time augmentation
Flips = Flag | Literal["horizontal"]  # augmentation in training
Maybe = Annotated[T | None, BeforeValidator(null)]
Suffix = Annotated[str, Field(pattern=r"^[^/{}<>\x00-\x1f]+$", title="the end of a name")]
Kind = Literal["blob", "filament", "component"]  # of objects: see darkfield.objects.kinds
Colour = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$"), AfterValidator(str.upper)]
Day = Annotated[str, Field(title="a day, YYYY-MM-DD, in quotes"), BeforeValidator(day)]
Licence = Annotated[str, Field(title="an identifier of SPDX"), AfterValidator(spdx)]
Author = Annotated[
    str,
    Field(pattern=r"^[^()]*[^() ]( \(\d{4}-\d{4}-\d{4}-\d{3}[\dX]\))?$"),
    AfterValidator(checked_orcid),
]
Authors = Annotated[
    tuple[Author, ...], Field(title="a list of names, each alone or with its ORCID in brackets")
]
MASK_VALUE = f"^([0-9]{{1,5}}|#[0-9a-f]{{6}}|{INSTANCES})$"


def text_keys(classes: object) -> object:
    """Refuses names of classes that YAML reads as numbers or booleans."""
    if isinstance(classes, dict) and (others := [k for k in classes if not isinstance(k, str)]):
        raise problems(("", f"{name!r} is not text; put it in quotes") for name in others)
    return classes


def one_class_each(mask_values: object) -> object:
    """The keys as text, as in JSON. Refuses one value ("2", "02", 2) for two classes."""
    if not isinstance(mask_values, dict):
        return mask_values
    lines: list[str] = []
    spelled: dict[str, dict[str, str]] = {}
    for key, name in mask_values.items():
        value = str(key).lower()
        if not re.fullmatch(MASK_VALUE, value):
            lines.append(f'{key!r} is not a grey value, "#rrggbb" or instances')
        if re.fullmatch(r"#([0-9a-f]{2})\1\1", value):
            value = str(int(value[1:3], 16))
        spelled.setdefault(value.lstrip("0") or "0", {})[repr(key)] = str(name)
    for names in spelled.values():
        if len(classes := sorted(set(names.values()))) > 1:
            lines.append(
                f"{', '.join(names)} are one value, but stand for {' and '.join(classes)}; keep one"
            )
    if lines:
        raise problems(("", line) for line in lines)
    return {str(key).lower(): name for key, name in mask_values.items()}


def in_order(classes: dict[str, int]) -> dict[str, int]:
    """Sorted by index, since another order is another value to Snakemake."""
    return {name: classes[name] for name in class_names(classes)}


Classes = Annotated[
    dict[str, Index],
    Field(min_length=2, max_length=255, title="a mapping of 2 to 255 names to whole numbers"),
    BeforeValidator(text_keys),
    AfterValidator(in_order),
]
Kinds = Annotated[
    dict[str, Kind],
    Field(title="a mapping of names of classes to blob, filament or component"),
    BeforeValidator(text_keys),
    AfterValidator(lambda kinds: dict(sorted(kinds.items()))),
]
Colours = Annotated[
    dict[str, Colour],
    Field(title='a mapping of names of classes to "#rrggbb"'),
    BeforeValidator(text_keys),
    AfterValidator(lambda colours: dict(sorted(colours.items()))),
]
MaskValues = Annotated[
    dict[Annotated[str, Field(pattern=MASK_VALUE)], str],
    Field(min_length=1, title="a mapping of values to names of classes, or to ignore"),
    BeforeValidator(one_class_each),
    AfterValidator(lambda values: dict(sorted(values.items()))),
]
