"""What torch finds when a process starts: settings of its C libraries, and perhaps a GPU."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

KEEP = 10**11  # bytes

# glibc returns large freed blocks to the kernel and faults them in again, which takes a quarter
# of a training step; OpenMP threads that spin while they wait starve other jobs.
ENVIRONMENT = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"
    f":glibc.malloc.trim_threshold={KEEP}:glibc.malloc.mmap_threshold={KEEP}",
    "OMP_WAIT_POLICY": "passive",
}
GPUS = ("nvidia[0-9]*", "dxg", "kfd")  # files of drivers in /dev: Linux, WSL 2, AMD


def has_gpu(environment: Mapping[str, str] = os.environ, devices: Path = Path("/dev")) -> bool:
    """Whether this machine seems to have a GPU for torch, found without importing it.

    If in doubt, yes: a driver may be installed for a GPU that torch cannot use.
    """
    if environment.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    installed = shutil.which("nvidia-smi", path=environment.get("PATH"))
    return installed is not None or any(any(devices.glob(name)) for name in GPUS)
