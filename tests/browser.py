"""A real browser, for the tests of pages: how it starts, the screen it has, what it shows."""

import re
from pathlib import Path

import numpy as np

FLAGS = [
    "headless",
    "hide-scrollbars",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
]


def started(chromium: str, driver: str, profile: Path):
    """A Chromium that notes all that a page logs and asks for."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"user-data-dir={profile}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    browser.get("about:blank")  # the page of a new tab goes on asking for its parts
    return browser


def media(browser, width, scheme="light", height=800):
    """Give the browser a screen, light or dark."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def contrast(browser, selector):
    """The contrast of an element's text with the page: (L1 + 0.05) / (L2 + 0.05), WCAG 2.1."""

    def luminance(colour):
        channels = np.array([int(v) for v in re.findall(r"\d+", colour)[:3]]) / 255
        bright = ((channels + 0.055) / 1.055) ** 2.4
        linear = np.where(channels <= 0.04045, channels / 12.92, bright)
        return linear @ [0.2126, 0.7152, 0.0722]

    style = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    text = luminance(browser.execute_script(style, selector, "color"))
    paper = luminance(browser.execute_script(style, "body", "backgroundColor"))
    return (max(text, paper) + 0.05) / (min(text, paper) + 0.05)
