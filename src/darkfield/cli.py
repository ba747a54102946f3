"""The command `darkfield`: use a trained model, choose a recipe, check the machine."""

import atexit
import gc
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkfield.arguments import OWN_MODEL, parser
from darkfield.command import command
from darkfield.engine.environment import ENVIRONMENT
from darkfield.files import UserError
from darkfield.shipped import shipped

if TYPE_CHECKING:
    from darkfield.sections import Data

PARAMS = Path("params.yaml")


def main() -> None:
    """Run the command."""
    if not ENVIRONMENT.keys() <= os.environ.keys():  # C libraries read them when they start
        os.execve(sys.executable, [sys.executable, *sys.argv], ENVIRONMENT | os.environ)
    atexit.register(mute)
    with command():
        arguments = vars(parser().parse_args())
        RUN[arguments.pop("command")](**arguments)


def mute() -> None:
    """Let the process end without a word: libraries would report as leaked what is frozen."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


@contextmanager
def starting() -> Iterator[None]:
    """Let the garbage collector pass over what the block makes, such as modules: it stays.

    It would look at these million objects again and again, for a fifth of the start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def introduce(model: Path) -> None:
    """Say on stderr what the model is, and which others are available."""
    from darkfield.network.spec import described, read_spec

    found = [*sorted(spec.parent for spec in Path("models").glob("*/model.json")), OWN_MODEL]
    others = [f"--model {m}" for m in found if m != model and (m / "model.json").is_file()]
    also = f"; also here: {', '.join(others)}" if others else ""
    print(f"{model}: {described(read_spec(model))}{also}", file=sys.stderr)


def run_predict(
    images: list[str],
    out: Path,
    model: Path,
    channels: tuple[int | str, ...] = (),
    z: int | None = None,
    every: int = 1,
    limits: Sequence[float] | None = None,
    **options: Any,
) -> None:
    with starting():
        from darkfield.data.axes import Asked
        from darkfield.data.listing import in_words, skipped, sources
        from darkfield.files import read_csv
        from darkfield.network.predictor import Predictor
        from darkfield.report.as_trained import remarks
        from darkfield.report.labels import claimed, label_files
        from darkfield.report.predictions import write_index

    if limits and not -math.inf < limits[0] < limits[1] < math.inf:
        raise UserError(f"--range: {limits[0]:g} is not below {limits[1]:g}, both finite")
    asked = Asked(channels, z, (limits[0], limits[1]) if limits else None)
    introduce(model)
    pictures = sources(images, out, every)
    if others := sum((skipped(Path(f), out) for f in images if Path(f).is_dir()), Counter()):
        print(f"passed over: {in_words(others)}", file=sys.stderr)
    with starting():
        predictor = Predictor(model)
    problems = label_files(pictures, predictor, out, asked=asked, **options)
    with claimed(out):
        write_index(out, out, predictor.spec, problems)
        counts, rescaled = read_csv(out / "counts.csv"), options.get("rescale", False)
        for line in remarks(counts, predictor.spec, rescaled=rescaled):
            print(line, file=sys.stderr)
    if problems:
        raise UserError(*problems)


def run_rank(out: Path, first: int) -> None:
    from darkfield.report.corrections import ranked
    from darkfield.report.ranking import in_words

    table, _ = ranked(out)
    if table.empty:
        raise UserError(f"{out}: does not say what the model doubts; run darkfield predict again")
    print(*in_words(table[:first]), sep="\n")
    print(
        f"to correct them in this order: darkfield correct {out} --first {first}", file=sys.stderr
    )


def run_correct(
    out: Path, model: Path, program: str | None, into: Path | None, first: int | None = None
) -> None:
    from darkfield.report.corrections import export
    from darkfield.report.editor import edit

    into = into or out / (program or "corrected")
    if program is None:
        if masks := edit(out, model, into, first):
            print(f"{into}: masks: {masks}; to train on them: darkfield adopt {into} --into ROOT")
        return
    export(out, model, program, into, first)
    print(into)
    print(f"what {program} saves there becomes masks: darkfield masks {into} --out ROOT")


def own_data() -> "Data":
    """The section data of params.yaml; without one here, the default, and a line that says so."""
    from darkfield.params import Params
    from darkfield.validation import check, load

    if PARAMS.exists():
        return check(load(PARAMS)).data
    data = Params().data
    print(f"no {PARAMS} here: the classes are {', '.join(data.classes)}", file=sys.stderr)
    return data


def run_adopt(out: Path, into: Path) -> None:
    from darkfield.report.adopted import adopt

    data = own_data()
    print(*adopt(out, into, data), sep="\n")
    root = "" if Path(data.root) == into else f", and set data.root: {into} in params.yaml"
    print(f"to train on it, run darkfield use finetune{root}")


def run_masks(source: Path, out: Path, labels: list[str]) -> None:
    from darkfield.classes import IGNORE, VOID, class_names
    from darkfield.data.annotations.convert import convert
    from darkfield.data.annotations.names import parse

    data = own_data()
    table = parse(labels, data.classes)
    outside = VOID if data.background is None else data.classes[data.background]
    print(*convert(source, out, table, data.classes, outside), sep="\n")
    void = {VOID: IGNORE} if VOID in (outside, *dict(table).values()) else {}
    values = {str(v): n for v, n in (dict(enumerate(class_names(data.classes))) | void).items()}
    also = "" if data.mask_values == values else f" and mask_values: {json.dumps(values)}"
    print(f"now set data.root: {out}{also} in params.yaml")


def run_export(out: Path, model: Path) -> None:
    from darkfield.publish.onnx import FILES, export_model

    introduce(model)
    export_model(model, out)
    print(*(out / name for name in FILES), sep="\n")


def run_use(name: str) -> None:
    from darkfield import presets

    source = shipped(PARAMS)
    presets.use(name, PARAMS)
    data = "your data is unchanged" if source == PARAMS else f"its data is that of {source}"
    print(f"{PARAMS} now has the recipe of presets/{name}.yaml; {data}")


def run_doctor() -> None:
    from darkfield.doctor import main

    main()


RUN: dict[str, Callable[..., None]] = {
    "predict": run_predict,
    "rank": run_rank,
    "correct": run_correct,
    "adopt": run_adopt,
    "masks": run_masks,
    "export": run_export,
    "doctor": run_doctor,
    "use": run_use,
}
