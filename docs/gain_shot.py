"""Photograph "Before and after" for the guide, as docs/gain.png: python docs/gain_shot.py

That part of the report of a run: in a temporary clone, the recipe finetune learns from 60 scenes of
the look `scenes` of few_pictures.py, as if somebody had corrected them. It takes ten minutes of two
cores, and needs chromium.
"""

import io
import subprocess
import tempfile
from pathlib import Path

from few_pictures import of_scenes
from PIL import Image
from report_shot import opened

from darkfield.data.images import write_png

PICTURES, MODEL = 60, Path("models/darkfield")

task = of_scenes(MODEL)
with tempfile.TemporaryDirectory() as folder:
    project = Path(folder, "project")
    subprocess.run(["git", "clone", "--quiet", ".", project], check=True)
    for kind in ("images", "masks"):
        (project / "data/mine" / kind).mkdir(parents=True)
    for row in range(PICTURES):
        for kind, pixels in zip(("images", "masks"), task.pair(row), strict=True):
            write_png(project / f"data/mine/{kind}/{row:02}.png", pixels)
    subprocess.run(["darkfield", "use", "finetune"], cwd=project, check=True)
    root = ["--config", "data={root: data/mine}"]
    subprocess.run(["snakemake", "--cores", "2", *root], cwd=project, check=True)
    with opened(project / "results/report.html") as browser:
        png = browser.find_element("css selector", "#gain").screenshot_as_png
sheet = Image.open(io.BytesIO(png)).convert("RGB")
sheet.quantize(256).save(Path(__file__).with_name("gain.png"), optimize=True)
