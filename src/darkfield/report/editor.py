"""`darkfield correct OUT`: napari on one prediction after the other, as `ranking` orders them."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from darkfield.classes import class_names
from darkfield.files import UserError
from darkfield.objects.repainted import Painted
from darkfield.report.corrected import records, save, state
from darkfield.report.corrections import Predicted, Predictions, predicted, predictions
from darkfield.report.palette import class_colours

# What Qt asks for a screen; without one it ends the process.
WINDOWS = {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
CLASSES, OBJECTS = "classes", "objects"  # layers that are painted on
KEYS = "PageDown: next, PageUp: previous, Shift-PageDown: right as it is"


class Editor:
    """A napari viewer that shows the pictures of a folder and saves what is painted on them."""

    def __init__(self, of: Predictions, into: Path) -> None:
        from napari import Viewer

        self.of, self.into, self.at = of, into, 0
        self.problems: dict[str, None] = {}  # in the order in which they were met, each once
        if (first := self.readable(0, 1)) is None:
            raise UserError(*self.problems)
        self.viewer = Viewer(title=f"darkfield correct {of.out}")
        self.viewer.text_overlay.visible = True
        keys: dict[str, Callable[[Any], None]] = {
            "PageDown": lambda _: self.go(1),
            "PageUp": lambda _: self.go(-1),
            "Shift-PageDown": lambda _: self.go(1, accept=True),
        }
        for index in range(min(10, len(of.spec.classes))):
            keys[str(index)] = self.chooser(index)
        self.keys = keys
        self.show(*first)

    def readable(self, at: int, step: int) -> tuple[int, Predicted, Painted] | None:
        """The first picture from `at`, by steps, that can be read, with its state; None if none."""
        while 0 <= at < len(self.of.places):
            place = self.of.places[at]
            try:
                found = predicted(self.of, place)
                return at, found, state(self.into, place, found)
            except ValueError as error:
                self.problems[f"{place.file}: {error}"] = None
            at += step
        return None

    def show(self, at: int, found: Predicted, before: Painted) -> None:
        """Show a picture, and what it was labelled as before."""
        self.at, self.predicted, self.before = at, found, before
        place, spec = self.of.places[at], self.of.spec
        self.viewer.layers.clear()
        self.viewer.add_image(self.predicted.image, name="picture", rgb=True)
        if place.probabilities.exists():
            import tifffile

            stack = tifffile.imread(place.probabilities)
            for name, probability in zip(class_names(spec.classes), stack, strict=True):
                self.viewer.add_image(
                    probability, name=f"p({name})", visible=False, contrast_limits=(0, 1)
                )
        self.objects = self.viewer.add_labels(
            self.before.numbers.astype(np.int32), name=OBJECTS, visible=False
        )
        self.classes = self.viewer.add_labels(
            self.before.indices.copy(), name=CLASSES, opacity=0.5, colormap=self.colours()
        )
        for layer in (self.viewer, *self.viewer.layers):
            for key, do in self.keys.items():
                layer.bind_key(key, do, overwrite=True)
        self.classes.events.selected_label.connect(self.keep_to_classes)
        self.choose(1)
        done = "corrected" if place.name in records(self.into) else "as predicted"
        names = ", ".join(f"{i}: {name}" for i, name in enumerate(class_names(spec.classes)))
        self.viewer.text_overlay.text = (
            f"{place.name} ({self.at + 1} of {len(self.of.places)}, {done})\n{names}\n{KEYS}"
        )
        self.viewer.reset_view()

    def colours(self) -> Any:
        """The colours of the classes; the background, and what is no class, are transparent."""
        from napari.utils import DirectLabelColormap

        colours: dict[int | None, str] = dict(enumerate(class_colours(self.of.spec).values()))
        if (background := self.of.spec.background_index) is not None:
            colours[background] = "transparent"
        return DirectLabelColormap(color_dict=colours | {None: "transparent"})

    def chooser(self, index: int) -> Callable[[Any], None]:
        return lambda _: self.choose(index)

    def choose(self, index: int) -> None:
        """Paint with a class from now on."""
        self.viewer.layers.selection.active = self.classes
        self.classes.selected_label = index
        self.classes.mode = "paint"

    def keep_to_classes(self, _: Any) -> None:
        """Let nobody paint with a label that is no class, which napari would offer."""
        self.classes.selected_label = min(
            self.classes.selected_label, len(self.of.spec.classes) - 1
        )

    def go(self, step: int, *, accept: bool = False) -> None:
        """Leave the picture for that which is `step` further; if there is none, stay on it."""
        self.leave(accept=accept)
        stay = self.at, self.predicted, self.before
        self.show(*(self.readable(self.at + step, step) or stay))

    def leave(self, *, accept: bool = False) -> None:
        """Save the picture if something on it was changed, or if it is accepted as it is."""
        now = Painted(np.asarray(self.classes.data), np.asarray(self.objects.data))
        changed = any((a != b).any() for a, b in zip(now, self.before, strict=True))
        if changed or accept:
            place = self.of.places[self.at]
            self.before = save(self.into, self.of, place, self.predicted, self.before, now)


def edit(out: Path, model: Path, into: Path, first: int | None = None) -> int:
    """Let the user correct predictions in napari; returns of how many pictures `into` has masks.

    `first` is as in `predictions`. Raises UserError if napari is not installed.
    """
    of = predictions(out, model, first)
    other = "or write files for another program with --to"
    if sys.platform == "linux" and not WINDOWS & {name for name, on in os.environ.items() if on}:
        raise UserError(f"napari needs a screen, and none is here: work on the desktop, {other}")
    try:
        import napari
        import qtpy.QtWidgets  # noqa: F401 - without it, napari has no window
    except ImportError as error:
        raise UserError(
            f"napari cannot be loaded ({error}): pip install 'darkfield[napari]', {other}"
        ) from error
    editor = Editor(of, into)
    napari.run()
    editor.leave()
    if editor.problems:
        raise UserError(*editor.problems)
    return len(records(into))
