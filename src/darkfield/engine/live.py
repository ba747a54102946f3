"""What a job shows while it runs, by DVCLive: to `dvc plots`, `dvc exp show`, VS Code, Studio."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from darkfield.engine.ran import of_chain, stage_of

LIVE = Path("results/live")  # a folder for each stage; git ignores all of it but dvc.yaml
DVC_YAML = """\
metrics:
- metrics.json
plots:
- plots/metrics:
    x: step
"""
Rows = Sequence[Mapping[str, float]]  # one per epoch, whose number (1, 2, ...) is its "epoch"


class Show(Protocol):
    """Shows the values of some epochs, with a prefix to their names; NaN is left out."""

    def __call__(self, rows: Rows, prefix: str = "") -> None: ...


@contextmanager
def live(job: Any, wanted: bool = True) -> Iterator[Show]:
    """What shows rows of values, as the next points of their curves and as the latest metrics.

    `job` is Snakemake's object. Where DVC keeps no books of it, as in a fold, nothing is shown; nor
    if it is not `wanted`. A name may have parts: iou/erythrocyte/val.

    What an earlier job of the stage has shown is removed first. DVC knows of the folder by its
    dvc.yaml, which is there only during the block: afterwards the stage's outputs say the same, and
    of other commits there would be nothing to show. For Studio see `studio` in .dvc/config.
    """
    if not (wanted and of_chain(job)):
        yield lambda rows, prefix="": None
        return
    from dvclive import Live  # type: ignore[attr-defined]  # imports pandas and DVC, too

    folder = LIVE / stage_of(job.rule)
    described = folder / "dvc.yaml"
    # DVCLive would write dvc.yaml itself, but then also have `dvc exp run` commit it.
    with Live(str(folder), save_dvc_exp=False, dvcyaml=None) as log:

        def show(rows: Rows, prefix: str = "") -> None:
            for row in rows:
                log.step = int(row["epoch"])
                for name, value in row.items():
                    if name != "epoch" and not math.isnan(value):
                        log.log_metric(prefix + name, value)
            if rows:
                log.next_step()

        described.write_text(DVC_YAML)
        try:
            yield show
        finally:
            described.unlink(missing_ok=True)  # `git stash --include-untracked`
