"""The same work on many pictures, shared out among processes of one thread each.

Two cores are busier with two pictures than with one: reading a picture and finding the objects in
it take as long as the network does, and use one core. The labels are the same ones, since threads
do not divide the sums of a forward pass.
"""

import gc
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from darkfield.files import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")
FEWEST = 4  # items that are worth a process
LOST = (
    "a process that was labelling pictures was killed, probably for lack of memory; the same "
    "command continues from here; with OMP_NUM_THREADS=1 (in params.yaml: train.threads) it takes "
    "one picture at a time"
)


def worth(items: int, device: torch.device) -> int:
    """How many processes are worth it: at most one for each thread that torch may use; else 0.

    They are forked, so that none has to start and to load the model again. That is safe neither on
    macOS nor with CUDA.
    """
    if sys.platform != "linux" or device.type != "cpu":
        return 0
    processes = min(torch.get_num_threads(), items // FEWEST)
    return processes if processes > 1 else 0


def in_order(
    work: Callable[[Item], Result], items: Sequence[Item], processes: int
) -> Iterator[Result]:
    """`work` of each item, in the order of items, by so many processes; 0: by this one.

    What `work` raises is raised here, when its turn comes. Raises UserError if a process is lost.
    If this process ends, however it does, so do the others once they have finished their item.
    """
    if not processes:
        yield from map(work, items)
        return
    frozen = gc.get_freeze_count()
    gc.freeze()  # else the collector would touch, and so copy, what the processes share
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # a fork has none of its threads, but would wait for them; torch's knows
    loader = DataLoader(
        Each(work, items),
        batch_size=None,
        num_workers=processes,
        multiprocessing_context="fork",
        collate_fn=lambda result: result,
    )
    try:
        for result, error in loader:
            if error:
                raise error
            yield result
    except RuntimeError as error:
        if "DataLoader worker" in str(error):
            raise UserError(LOST) from error
        raise
    finally:
        cv2.setNumThreads(threads)
        if not frozen:  # else libraries would report at the end that objects have leaked
            gc.unfreeze()


class Each(Dataset[tuple[Result | None, Exception | None]], Generic[Item, Result]):
    """The result of `work` on each item, or what it raised, whose traceback becomes a note."""

    def __init__(self, work: Callable[[Item], Result], items: Sequence[Item]):
        self.work, self.items = work, items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> tuple[Result | None, Exception | None]:
        try:
            return self.work(self.items[i]), None
        except Exception as error:
            error.add_note(traceback.format_exc())
            return None, error
