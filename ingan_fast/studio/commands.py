"""Command lines and Python that do what the studio does: run by its jobs, and shown to be copied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import join

from ingan_fast.studio.requests import TILES, Options, Shape
from ingan_fast.studio.store import Entry, Store

SUFFIXES = {"png": ".png", "jpeg": ".jpg", "tiff": ".tif", "webp": ".webp"}


@dataclass(frozen=True)
class Retargeting:
    """An output of a picture, a run or a model, with the files that take part by the names that they have.

    Attributes:
        picture: the picture's file, or a run or a model.
        plain: whether that is a picture, which has options.
        masks: file names of those that are painted and take part, by kind.
        out: the output's file name.
    """

    picture: str
    plain: bool
    shape: Shape
    options: Options
    masks: Mapping[str, str]
    out: str
    companions: Sequence[str] = ()
    layout: str | None = None

    def words(self) -> list[str]:
        """The command's arguments."""
        width, height = self.shape.size
        words = ["retarget", self.picture, "--size", f"{width}x{height}"]
        if self.shape.corners is not None:
            words += ["--corners", " ".join(f"{x!r},{y!r}" for x, y in self.shape.corners)]
        if self.plain:
            words += self._option_words()
        return [*words, "--out", self.out]

    def _option_words(self) -> list[str]:
        options, words = self.options, []
        if not options.finds_objects:
            words += ["--keep", "none"]
        words += [word for kind, name in self.masks.items() for word in (f"--{kind}", name)]
        if options.tile is not None:
            words += ["--tile", options.tile]
        if options.variation:
            words += ["--variation", str(options.variation)]
        words += [word for name in self.companions for word in ("--companion", name)]
        return [*words, "--save-layout", self.layout] if self.layout else words

    def shell(self) -> str:
        return join(["ingan-fast", *self.words()])

    def python(self) -> str:
        """A script that writes the same output (without companions and layout)."""
        return "\n".join(self._of_picture() if self.plain else self._of_model()) + "\n"

    def _transform(self) -> str:
        if self.shape.corners is None:
            return f"Transform.resize({self.shape.size!r})"
        return f"Transform.from_corners({list(self.shape.corners)!r}, {self.shape.size!r})"

    def _of_picture(self) -> list[str]:
        options = self.options
        given = [f"{kind}=mask({name!r})" for kind, name in self.masks.items()]
        if not options.finds_objects:
            given.append("keep_objects=False")
        if options.tile:
            given.append(f"tile={TILES[options.tile]!r}")
        if options.variation:
            given.append(f"variation={options.variation}")
        names = ["Photo", *["load_image"] * bool(self.masks), "load_photo", "save_photo"]
        cover = self.shape.corners is not None
        lines = [
            "from ingan_fast import Transform, retarget",
            *["from ingan_fast.layout import LayoutOptions"] * bool(given),
            f"from ingan_fast.pictures import {', '.join([*names, *['with_opacity'] * cover])}",
            "",
        ]
        if self.masks:
            lines += ["", "def mask(path):", "    return load_image(path, min_side=1).mean(axis=2) > 127", "", ""]
        given_options = f", options=LayoutOptions({', '.join(given)})" if given else ""
        return [
            *lines,
            f"photo = load_photo({self.picture!r})",
            f"transform = {self._transform()}",
            f"pixels = retarget(photo.pixels, transform=transform{given_options})",
            *["pixels = with_opacity(pixels, transform.mask())"] * cover,
            f"save_photo(Photo(pixels, photo.metadata), {self.out!r})",
        ]

    def _of_model(self) -> list[str]:
        run = not self.picture.endswith((".onnx", ".engine", ".pt2"))
        opened = f"load({self.picture!r})" if run else f"Retargeter.open({self.picture!r})"
        return [
            f"from ingan_fast import {'Transform, load' if run else 'Retargeter, Transform'}",
            "from ingan_fast.pictures import save_image",
            "",
            f"made = {opened}.retarget({self._transform()})",
            f"save_image(made.picture, {self.out!r}, made.alpha)",
        ]


def retargeting(
    store: Store,
    entry: Entry,
    shape: Shape,
    options: Options,
    format_: str = "png",
    companions: Sequence[str] = (),
    layout: bool = False,
    shown: bool = False,
) -> Retargeting:
    """An output of a picture as it is now.

    Args:
        store: of the picture.
        entry: the picture.
        shape, options: of the output.
        format_: one of `SUFFIXES`.
        companions: file names.
        layout: whether its layout is written, too.
        shown: to people, who have the picture where it was; otherwise for a job, which has it under its name.
    """
    stem = Path(entry.name).stem
    width, height = shape.size
    named = f"{stem}_{width}x{height}"
    plain = entry.kind == "photo"
    masks = {
        kind: f"{stem}_{kind}.png"
        for kind, used in (("keep", options.uses_keep), ("remove", options.remove))
        if plain and used and store.mask_file(entry.id, kind).is_file()
    }
    return Retargeting(
        (entry.path or entry.name) if shown or not plain else entry.name,
        plain,
        shape,
        options,
        masks,
        f"{named}/{stem}{SUFFIXES[format_]}" if companions else f"{named}{SUFFIXES[format_]}",
        companions,
        f"{named}.npz" if layout else None,
    )
