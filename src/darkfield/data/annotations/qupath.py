"""QuPath's GeoJSON: the objects of one picture, in its full-size pixels."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from darkfield.data.annotations.drawing import Patch, Region, union
from darkfield.data.annotations.outlines import centres
from darkfield.data.annotations.problems import Problems, no_area, of_each

Ring = list[tuple[float, ...]]


class Plane(BaseModel):
    c: int = -1
    z: int = 0
    t: int = 0


class Geometry(BaseModel):
    type: str
    coordinates: Any
    plane: Plane = Plane()


class Class(BaseModel):
    name: str = ""
    names: list[str] = Field(default_factory=list)  # since QuPath 0.6


class Properties(BaseModel):
    classification: Class | str | None = None


class Feature(BaseModel):
    type: Literal["Feature"]
    geometry: Geometry
    properties: Properties | None = None


class Polygons(BaseModel):
    coordinates: list[list[Ring]]


def features(content: Any) -> list[Any] | None:
    """The features in GeoJSON: a FeatureCollection, a list of features, or one; None for others."""
    if isinstance(content, dict) and content.get("type") == "FeatureCollection":
        found = content.get("features")
        return found if isinstance(found, list) else None
    found = content if isinstance(content, list) else [content]
    whole = all(isinstance(each, dict) and each.get("type") == "Feature" for each in found)
    return found if found and whole else None


def read(content: Any) -> list[Region]:
    """The regions in a file's JSON, one per feature; of a cell, the outer outline.

    Raises Problems with every feature that has no area, and pydantic's for other JSON.
    """
    found = of_each(features(content) or [], Feature.model_validate, "feature")
    planes = {(at.c, at.z, at.t) for at in (feature.geometry.plane for feature in found)}
    if len(planes) > 1:
        raise Problems(
            [f"has objects on {len(planes)} planes of a stack; export those of one picture"]
        )
    return of_each(found, region_of, "feature")


def region_of(feature: Feature) -> Region:
    label, geometry = label_of(feature.properties), feature.geometry
    if geometry.type not in ("Polygon", "MultiPolygon"):
        raise no_area(label, geometry.type)
    several = geometry.type == "MultiPolygon"
    pieces = Polygons(
        coordinates=geometry.coordinates if several else [geometry.coordinates]
    ).coordinates
    patches: list[Patch] = [centres([xy(ring) for ring in rings]) for rings in pieces]
    if not patches:
        raise ValueError(f"{label!r} is empty; draw it again")
    return Region(label, union(patches))


def xy(ring: Ring) -> list[tuple[float, float]]:
    """A ring's points without heights, and without the first one at its end."""
    return [(point[0], point[1]) for point in ring[: -1 if ring[:1] == ring[-1:] else None]]


def label_of(properties: Properties | None) -> str:
    """The class of an object; "" if it has none; classes derived from another as "A: B"."""
    found = properties.classification if properties else None
    if isinstance(found, str):
        return found
    return (found.name or ": ".join(found.names)) if found else ""
