"""A user of `darkfield correct` with a mouse and a keyboard: OUT MODEL INTO [SCREENSHOT].

On the first picture they paint one pixel, in the middle of the window, with the class that is not
there; they go on to the second, which they accept, then to the third, and close the window.
"""

import sys
from pathlib import Path

import napari
from napari.qt import get_qapp
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest

from darkfield.cli import run_correct

out, model, into, *shot = map(Path, sys.argv[1:])
application = get_qapp()


def correct() -> None:
    viewer = napari.current_viewer()
    canvas = viewer.window._qt_viewer.canvas.native
    layer = viewer.layers["classes"]
    middle = canvas.rect().center()
    layer.brush_size = 1
    was = layer.data.copy()
    layer.selected_label = 9
    print("at most", layer.selected_label)
    press(canvas, "2")
    QTest.mouseMove(canvas, middle)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=middle)
    QTest.qWait(100)
    print("painted", (layer.data != was).sum())
    if shot:
        viewer.screenshot(str(shot[0]), canvas_only=False)
    press(canvas, Qt.Key.Key_PageDown)
    press(canvas, Qt.Key.Key_PageDown, Qt.KeyboardModifier.ShiftModifier)
    print(viewer.text_overlay.text.splitlines()[0])
    viewer.window._qt_window.close()


def press(canvas, key, *modifiers) -> None:
    QTest.keyClick(canvas, key, *modifiers)
    QTest.qWait(100)


QTimer.singleShot(1500, correct)
run_correct(out, model, None, into)
