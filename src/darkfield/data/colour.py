"""Colours as a viewer shows them: profiles, palettes and inks become sRGB."""

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from PIL import ImageCms

ICC = {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK", "LAB": "Lab "}  # colour spaces of profiles


def profile(icc: bytes | None) -> "ImageCms.ImageCmsProfile | None":
    """A colour profile; None for sRGB, and for bytes that are no profile."""
    if not icc:
        return None
    from PIL import ImageCms

    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        name = ImageCms.getProfileDescription(found)
    except (OSError, ImageCms.PyCMSError):
        return None
    return None if "srgb" in name.lower() and "linear" not in name.lower() else found


def to_srgb(picture: Image.Image, icc: bytes | None) -> Image.Image:
    """A picture of mode L, RGB, CMYK or LAB as it is shown: L (without a profile) or RGB.

    A profile of another colour space than the picture's is ignored, as viewers do.
    """
    found = profile(icc)
    if picture.mode == "LAB" or (found and found.profile.xcolor_space == ICC[picture.mode]):
        from PIL import ImageCms

        source = found or ImageCms.createProfile("LAB")
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
        assert converted is not None
        return converted
    return picture if picture.mode == "L" else picture.convert("RGB")


def shown(pixels: np.ndarray, icc: bytes | None) -> np.ndarray:
    """uint8 (H, W) or RGB (H, W, 3) with its profile applied, as RGB (H, W, 3)."""
    if icc:
        pixels = np.asarray(to_srgb(Image.fromarray(pixels), icc))
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Stored pixels (H, W, ...) as the orientation of EXIF and TIFF, 1 to 8, shows them."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    flip = {2: (1,), 3: (0, 1), 4: (0,), 6: (1,), 7: (0, 1), 8: (0,)}
    return np.flip(pixels, flip.get(orientation, ()))
