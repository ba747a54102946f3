"""What the name of a class becomes in tables, JSON and file names, where it meets other names."""


def pixels_column(name: str) -> str:
    """The column of data/flattened_masks.csv with an image's pixels of a class."""
    return f"pixels_{name}"
