"""What the project holds besides code: the chain, presets, params.yaml, the shipped model.

A clone has them at its root; an installed package carries copies (pyproject.toml).
"""

from pathlib import Path

PACKAGE = Path(__file__).parent
COPIES = PACKAGE / "project"
ROOT = COPIES if COPIES.is_dir() else PACKAGE.parents[1]
MODEL = Path("models/darkfield")


def shipped(path: Path | str) -> Path:
    """Where a path of the project is: in the working folder, else where the code came from.

    As it is if it is in neither.
    """
    copy = ROOT / path
    return Path(path) if Path(path).exists() or not copy.exists() else copy
