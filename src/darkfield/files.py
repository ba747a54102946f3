"""Files at the edge: written whole or not at all, hashed, listed in a fixed order."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the Snakefile imports this module, and pandas takes half a second
    import pandas as pd


class UserError(Exception):
    """What a user did wrong, one line a problem; shown without a traceback."""

    def __init__(self, *problems: str):
        super().__init__("\n".join(problems))


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it to `path` if the block succeeds.

    The block may write a file or make a folder there. What stood at `path` is replaced; if the
    block fails it is left as it was, and the temporary path is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last, for writers that choose their format by it.
    part = path.with_name(f".part-{path.name}")
    remove(part)
    try:
        yield part
        if path.is_dir():
            remove(path)
        part.replace(path)
    finally:
        remove(part)


def remove(path: Path) -> None:
    """Remove a file or a folder with all it holds; nothing there is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path | str, value: Any) -> None:
    """Write JSON with two-space indents and a final newline, atomically; NaN is refused."""
    text = json.dumps(value, indent=2, allow_nan=False) + "\n"
    with atomic(path) as part:
        part.write_text(text)


def read_json(path: Path | str) -> Any:
    return json.loads(Path(path).read_text())


def write_csv(path: Path | str, table: "pd.DataFrame") -> None:
    """Write a table without its index, atomically; floats with all the digits they need."""
    with atomic(path) as part:
        table.to_csv(part, index=False)


def read_csv(path: Path | str) -> "pd.DataFrame":
    """Read one of our tables; the columns image and file stay text ("001", "NA")."""
    import pandas as pd

    text = {"image": str, "file": str}
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def image_and_mask_folders(root: Path) -> tuple[Path, Path]:
    """ROOT/images and ROOT/masks; raises UserError if one is missing."""
    folders = (root / "images", root / "masks")
    if missing := [f for f in folders if not f.is_dir()]:
        raise UserError(
            *(f"{f}: no such folder (data.root must hold images/ and masks/)" for f in missing)
        )
    return folders


def folder_digest(root: Path, cache: Path) -> str:
    """SHA-256 over the names and contents of all files below ROOT/images and ROOT/masks.

    A file is hashed again only if its size or time stamp differ from those in `cache`, a JSON file
    that this function keeps. Raises UserError if one of the folders is missing.
    """
    known = read_json(cache) if cache.exists() else {}
    seen = {}
    for path in sorted(p for folder in image_and_mask_folders(root) for p in folder.rglob("*")):
        if not path.is_file():
            continue
        stat = path.stat()
        key = f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
        seen[key] = known.get(key) or sha256(path)
    if seen.keys() - known.keys():
        write_json(cache, known | seen)
    names = (f"{key.rsplit(':', 2)[0].removeprefix(str(root))} {h}\n" for key, h in seen.items())
    return hashlib.sha256("".join(names).encode()).hexdigest()


def hand_over(source: Path, target: Path) -> None:
    """Make `target` a second name of the file `source`, or a copy where the disk has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
