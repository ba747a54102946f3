"""A failure in one line: a user's mistake, a machine's limit, or a bug."""

import errno

from darkfield.files import UserError, one_line

DISK_FULL = "the disk is full; free some space and run the same command again"
OUT_OF_MEMORY = "out of memory: end other programs, or run fewer jobs at once (--cores)"
# Messages of torch's allocators in RuntimeErrors that are not torch.OutOfMemoryError.
ALLOCATORS = ("DefaultCPUAllocator: ", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
# The dynamic linker's, of a library that there is no room for. It says the same where programs may
# not run from a disk (noexec), but there the first library fails already, before any job begins.
LINKER = "failed to map segment from shared object"


def problems_of(error: Exception) -> list[str]:
    """What a user should read about an error: one line per problem."""
    if isinstance(error, UserError):
        return str(error).split("\n")
    return [explain(error) or unexpected(error)]


def explain(error: Exception) -> str | None:
    """One line for a failure of the machine: what happened, and what to do; None for a bug."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return DISK_FULL
    if out_of_memory(error):
        return OUT_OF_MEMORY
    if isinstance(error, OSError) and error.strerror and error.filename:
        barred = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
        do = "; make it accessible, or choose another folder" if barred else ""
        return one_line(f"{error.filename}: {error.strerror}{do}")
    return None


def out_of_memory(error: Exception) -> bool:
    """Whether an error means that this machine or its GPU is out of memory."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, RuntimeError):
        named = type(error).__name__ == "OutOfMemoryError"  # torch's, without importing torch
        return named or any(text in str(error) for text in ALLOCATORS)
    if isinstance(error, ImportError):
        return LINKER in str(error)
    return isinstance(error, MemoryError)


def unexpected(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {' '.join(str(error).split())}")
