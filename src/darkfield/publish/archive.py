"""Zip archives whose bytes depend on what they hold alone."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

# Zip requires a time: the first that it can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)


def write_zip(path: Path, entries: Mapping[str, Path | str]) -> None:
    """Write a zip: by name, a file to copy, or text. Equal entries give equal bytes.

    A name that ends in a slash is that of a folder; its text is empty.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, EPOCH)
            info.external_attr = (0o40755 if info.is_dir() else 0o100644) << 16
            content = entries[name]
            if isinstance(content, str):
                archive.writestr(info, content, zipfile.ZIP_DEFLATED)
                continue
            info.compress_type = zipfile.ZIP_DEFLATED
            info.file_size = content.stat().st_size  # so that zip knows if it is beyond 2 GiB
            with content.open("rb") as file, archive.open(info, "w") as entry:
                shutil.copyfileobj(file, entry)
