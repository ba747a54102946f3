"""What is said of pictures that a model may not know; docs/familiarity.md says how it knows."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SOME = 5  # names in a message


def warning(unlikeness: float | None) -> str:
    """What counts.csv says of a picture that the model may not know; empty if it does."""
    if unlikeness is None or not unlikeness > 1:  # nor if it is not a number
        return ""
    return f"unlike the pictures that the model knows ({unlikeness:.1f} times the limit)"


def warned(counts: "pd.DataFrame") -> str:
    """One line on the pictures of counts.csv that have a warning; empty if none has."""
    names = counts.loc[counts["warning"].astype(object).fillna("") != "", "image"].tolist()
    if not names:
        return ""
    more = f" and {len(names) - SOME} more" if len(names) > SOME else ""
    return (
        f"{len(names)} of {len(counts)} pictures are unlike those that the model knows, so that "
        f"their counts may mean nothing: {', '.join(names[:SOME])}{more}; see warning in counts.csv"
    )
