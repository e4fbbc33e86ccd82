"""Conversion of colour profiles to sRGB, which training uses and files without a profile imply."""

import io

import numpy as np
from PIL import Image, ImageCms

# Profiles that change no colour by more than this count as sRGB, because profiles of sRGB differ by rounding.
_SAME = 1
_LEVELS = np.arange(0, 256, 15, dtype=np.uint8)


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert a picture of mode L, LA, RGB, RGBA or CMYK to sRGB; one already in sRGB is returned unchanged.

    A profile that is broken, or for another kind of picture, is ignored.
    """
    transform = _transform(image.mode, profile)
    if transform is None:
        return image
    if image.mode in ("LA", "RGBA"):
        opacity = image.getchannel("A")
        colours = to_srgb(image.convert(image.mode[:-1]), profile)
        colours.putalpha(opacity)
        return colours
    grey = image.mode == "L"
    if grey and _kind(profile) == "RGB ":
        image = image.convert("RGB")
    result = transform.apply(image)
    return result.getchannel("G") if grey else result


def _transform(mode: str, profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """The transform to sRGB; None if there is nothing to do."""
    kind = _kind(profile)
    if mode == "CMYK":
        return _built(profile, "CMYK") if kind == "CMYK" else None
    if kind == "GRAY" and mode in ("L", "LA"):
        transform = _built(profile, "L")
        ramp = np.arange(256, dtype=np.uint8)[None]
        known = np.repeat(ramp[..., None], 3, axis=2)
    elif kind == "RGB ":
        transform = _built(profile, "RGB")
        known = np.stack(np.meshgrid(_LEVELS, _LEVELS, _LEVELS), axis=-1).reshape(1, -1, 3)
        ramp = known
    else:
        return None
    if transform is None:
        return None
    changed = np.asarray(transform.apply(Image.fromarray(ramp)))
    return None if np.abs(changed.astype(int) - known).max() <= _SAME else transform


def _built(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        return ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):
        return None


def _kind(profile: bytes) -> str:
    """A profile's colour space, from its header: "RGB ", "GRAY", "CMYK", …"""
    return profile[16:20].decode("latin-1")
