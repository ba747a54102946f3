"""Files at the edge: written whole or not at all, hashed, listed in a fixed order."""

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:  # the Snakefile imports this module, and importing pandas takes half a second
    import pandas as pd

LONGEST_NAME = 240  # bytes: file systems allow 255, and suffixes and the like are added
PART = ".part-"  # how names of unfinished files begin; git and DVC ignore them
SCRATCH = re.compile(r"\.part-(new-)?[0-9a-f]{16}")
HOST = f"{crc32(os.uname().nodename.encode()):08x}"
COARSE = 2_000_000_000  # nanoseconds: the coarsest time stamps of a file system, FAT's
WEEK = 7 * 24 * 3600  # seconds
# Why rename(2) does not replace: it replaces files by files, and empty folders by folders.
NOT_REPLACED = (errno.ENOTEMPTY, errno.EEXIST, errno.EISDIR, errno.ENOTDIR)


class UserError(Exception):
    """What a user did wrong, one line per problem; shown without a traceback."""

    def __init__(self, *problems: str):
        super().__init__("\n".join(map(one_line, problems)))


def one_line(text: str) -> str:
    """Text, which may hold file names, with anything escaped that would break or repaint a line."""
    return "".join(repr(c)[1:-1] if unruly(c) else c for c in text)


def unruly(character: str) -> bool:
    """Whether a character is a control, a line break, or a byte that is not UTF-8."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


def wrong_name(name: str) -> str | None:
    """Why a picture's name, without suffix, cannot be used in tables and file names; or None."""
    if any(map(unruly, name)):
        return "has a control character, or one that is not UTF-8, in its name; rename it"
    if len(name.encode()) > LONGEST_NAME:
        return f"has a name of more than {LONGEST_NAME} bytes; shorten it"
    return None


def stem_of(path: Path) -> str:
    """A picture's name without its suffix; é is one letter, in whichever way a system spells it."""
    return unicodedata.normalize("NFC", path.stem)


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path; move it to `path` if the block succeeds.

    The block may write a file or make a folder there. Whatever was at `path` is replaced; if the
    block fails, it is left unchanged, and the temporary path is removed. Several writers of one
    path, even on different hosts, do not disturb each other: the last one to finish wins.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    with scratch(path.parent) as folder:
        part = folder / path.name  # writers choose their format by the suffix
        yield part
        put(part, path)


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A new folder in `parent` for this writer alone, removed with its contents after the block.

    It is locked while the process lives, which distinguishes it from that of a killed process.
    """
    token = HOST + secrets.token_hex(4)
    new, folder = parent / f"{PART}new-{token}", parent / f"{PART}{token}"
    with ExitStack() as stack:
        new.mkdir()
        stack.callback(remove, new)
        handle = os.open(new, os.O_RDONLY)
        stack.callback(os.close, handle)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(folder)  # once it is locked, under a name that others sweep
        stack.callback(remove, folder)
        yield folder


@cache
def sweep(parent: Path) -> None:
    """Remove the scratch folders that killed processes left in `parent`, once per process.

    Those of other hosts must be a week old: not every file system shares locks between hosts.
    """
    for folder in filter(lambda path: SCRATCH.fullmatch(path.name), parent.glob(f"{PART}*")):
        with suppress(OSError):  # locked, or gone, or no locks here
            ours = folder.name.startswith(PART + HOST)
            if ours or time.time() - folder.stat().st_mtime > WEEK:
                handle = os.open(folder, os.O_RDONLY)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove(folder)
                finally:
                    os.close(handle)


def put(part: Path, path: Path) -> None:
    """Move `part` to `path`, replacing whatever is there or appears there meanwhile.

    At every moment there is the old or the new, even if the process is killed; only a folder on a
    file system that cannot `exchange` is gone for an instant.
    """
    while True:
        try:
            part.replace(path)
            return
        except OSError as error:
            if error.errno not in NOT_REPLACED:
                raise
            if exchange(part, path):  # what was there goes with the scratch folder
                return
            with suppress(FileNotFoundError):
                path.rename(part.with_name(f"old-{secrets.token_hex(4)}"))


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change places in a single step; False where the system cannot do that.

    By renameat2(2) of Linux and renamex_np(2) of macOS, which Python does not offer.
    """
    import ctypes

    libc, swap = ctypes.CDLL(None), 2  # RENAME_EXCHANGE, RENAME_SWAP
    names = os.fsencode(one), os.fsencode(other)
    here = ctypes.c_int(-100)  # AT_FDCWD: relative paths are of the working folder
    with suppress(AttributeError):  # a C library that lacks it
        if sys.platform == "darwin":
            return bool(libc.renamex_np(*names, swap) == 0)
        return bool(libc.renameat2(here, names[0], here, names[1], swap) == 0)
    return False


def remove(path: Path) -> None:
    """Remove a file, or a folder with its contents; no error if there is nothing."""
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
    """Read JSON; raises ValueError for anything else, and for NaN and infinity."""

    def refuse(constant: str) -> None:
        raise ValueError(f"it holds {constant}")

    try:
        return json.loads(Path(path).read_text(), parse_constant=refuse)
    except ValueError as error:
        raise ValueError(f"{path}: is not JSON ({error})") from error


def write_csv(path: Path | str, table: "pd.DataFrame") -> None:
    """Write a table without its index, atomically; floats with as many digits as they need."""
    with atomic(path) as part:
        table.to_csv(part, index=False)


def read_csv(path: Path | str) -> "pd.DataFrame":
    """Read one of our tables; names of images, files and classes stay text ("001", "NA")."""
    import pandas as pd

    text = dict.fromkeys(("image", "file", "class", "true", "predicted"), str)
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""])


def concat_csv(paths: Sequence[Path | str]) -> "pd.DataFrame":
    """The tables of all batches, stacked."""
    # A table without columns is only a line break, which pandas cannot read.
    return stacked([read_csv(path) for path in paths if Path(path).stat().st_size > 1])


def stacked(tables: Sequence["pd.DataFrame"]) -> "pd.DataFrame":
    """Tables of the same columns, one below the other; if none has a row, only the columns."""
    import pandas as pd

    # Without a row a column has no type and would change the type of the others.
    full = [table for table in tables if len(table)]
    return pd.concat(full or tables[:1], ignore_index=True)


def keep_only(files: Sequence[Path | str]) -> None:
    """Remove everything else from the folder of some files, such as files of former batches.

    Files that are being written there stay.
    """
    kept = set(map(Path, files))
    for path in set(Path(files[0]).parent.iterdir()) - kept:
        if not path.name.startswith(PART):
            remove(path)


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
    """The digest of all files below ROOT/images, ROOT/masks and ROOT/instances, see files_digest.

    Raises UserError if one of the first two is missing, and with all files that cannot be read.
    """
    folders = *image_and_mask_folders(root), root / "instances"
    files = (p for folder in folders for p in folder.rglob("*"))
    return files_digest(files, root, cache)


def files_digest(files: Iterable[Path], root: Path, cache: Path) -> str:
    """SHA-256 over the contents of files, and their names below `root`.

    A file is read again unless `cache`, a JSON file that this function keeps, has it with the same
    size, times and inode. Raises UserError with all files that cannot be read.
    """
    known = {}
    with suppress(OSError, ValueError):  # not there yet, or damaged
        known = read_json(cache)
    settled = time.time_ns() - COARSE
    seen, new, problems = {}, {}, []
    for path in sorted(files):
        try:
            if path.is_file():
                stat = path.stat()
                key = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
                *old, digest = known.get(str(path), [None])
                seen[path] = digest if old == key else sha256(path)
                # Without an inode, or just after a change, another file may look the same.
                if old != key and stat.st_ino and stat.st_ctime_ns < settled:
                    new[str(path)] = [*key, seen[path]]
        except OSError as error:
            problems.append(f"{path}: cannot be read ({error.strerror})")
    if problems:
        raise UserError(*problems)
    if new:
        write_json(cache, known | new)
    names = (f"{str(path).removeprefix(str(root))} {digest}\n" for path, digest in seen.items())
    return hashlib.sha256("".join(names).encode(errors="surrogateescape")).hexdigest()


def hand_over(source: Path | str, target: Path | str) -> None:
    """Make `target` a second name of the file `source`, or a copy if the disk has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
