"""Photograph `darkfield correct` for the guide, as docs/editor.png: python docs/editor_shot.py

Where there is no screen, xvfb-run -a -s "-screen 0 1400x900x24" python docs/editor_shot.py. On the
synthetic scene of corrections.png, somebody has begun to paint over what the model got wrong.
"""

import tempfile
from pathlib import Path

import napari
import numpy as np
from corrections import image, mask
from napari.qt import get_qapp
from PIL import Image
from qtpy.QtCore import QTimer

from darkfield.cli import run_correct, run_predict
from darkfield.data.images import write_png

MODEL, SIZE = Path("models/darkfield"), (1100, 680)


def photograph() -> None:
    """Correct the upper half of the picture, take a photograph of the window, and close it."""
    viewer = napari.current_viewer()
    viewer.window.resize(*SIZE)
    layer = viewer.layers["classes"]
    half = mask.shape[0] // 2
    layer.data = np.vstack([mask[:half], layer.data[half:]])
    viewer.screenshot(str(shot), canvas_only=False)
    viewer.window._qt_window.close()


with tempfile.TemporaryDirectory() as folder:
    pictures, out, shot = (Path(folder, name) for name in ("in", "out", "shot.png"))
    pictures.mkdir()
    write_png(pictures / "sample-07.png", image)
    run_predict([str(pictures)], out, MODEL)
    get_qapp()
    QTimer.singleShot(3000, photograph)
    run_correct(out, MODEL, None, None)
    sheet = Image.open(shot).convert("RGB")
    sheet.quantize(256).save(Path(__file__).with_name("editor.png"), optimize=True)
