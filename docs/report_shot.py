"""Photograph results/report.html for the README: python docs/report_shot.py (wants chromium)."""

import base64
import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from selenium import webdriver

WIDTH, HEIGHT, GAP = 860, 1020, 24
FLAGS = ("headless", "hide-scrollbars", "no-sandbox", "disable-gpu", "force-prefers-reduced-motion")


def shot(browser: webdriver.Chrome, scheme: str, view: str, section: str) -> Image.Image:
    """What a window of WIDTH x HEIGHT shows of a section in a colour scheme."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.find_element("css selector", f"[value={view}]").click()
    browser.execute_script("document.querySelector(arguments[0]).scrollIntoView()", section)
    png = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
    return Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")


with tempfile.TemporaryDirectory() as folder:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, f"user-data-dir={folder}"):
        options.add_argument(f"--{flag}")
    browser = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(Path("results/report.html").absolute().as_uri())
    shots = [shot(browser, "light", "image", "body"), shot(browser, "dark", "errors", "#tests")]
    browser.quit()
gap = np.full((HEIGHT, GAP, 3), 255, dtype=np.uint8)
sheet = Image.fromarray(np.hstack([shots[0], gap, shots[1]]))
sheet.quantize(256).save(Path(__file__).with_name("report.png"), optimize=True)
