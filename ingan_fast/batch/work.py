"""The work on one picture, as a worker does it: bytes in, bytes out, so that workers need none of the driver's files.

All outputs of a picture are one task: the file is decoded once, the layout's tables are computed once, and a network
is loaded once.
"""

import io
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ingan_fast.batch.measures import by_torch, of_layout
from ingan_fast.batch.outputs import read_folder
from ingan_fast.batch.requests import Options, Request
from ingan_fast.errors import MachineError, UserError, memory_ran_out, missing_package
from ingan_fast.geometry import Size
from ingan_fast.layout import LayoutOptions, Layouts, perspective
from ingan_fast.layout.photos import cover_of, stripped
from ingan_fast.pictures import Photo, is_grey, load_image, srgb, with_opacity
from ingan_fast.pictures.reading import decode_photo
from ingan_fast.pictures.sheets import over_checkerboard
from ingan_fast.pictures.writing import encode_photo

THUMBNAIL = 200  # px, the longer side
_NOT_KEPT = ("checkpoint.pt", "train.lock")  # of a run: what only resuming needs


@dataclass(frozen=True)
class Task:
    """The work on one picture.

    Attributes:
        path: of the picture on the driver, for messages and its suffix.
        content: of the file.
        outputs: file names and geometries.
        options: of the batch.
        run: files of the run folder of the picture's network; None: lay the picture out.
        model: whether to export the network.
        device: for the network.
    """

    path: str
    content: bytes
    outputs: Mapping[str, Request]
    options: Options
    run: Mapping[str, bytes] | None = None
    model: str = ""
    device: str = "cpu"


@dataclass
class Product:
    """One output, or why there is none."""

    files: dict[str, bytes] = field(default_factory=dict)  # by path in the output's folder; "" for the output itself
    size: Size | None = None
    seconds: float = 0.0
    measures: dict[str, float] = field(default_factory=dict)
    thumbnail: bytes = b""  # JPEG
    note: str = ""
    error: str = ""


@dataclass
class Answer:
    """What came out of a task."""

    products: dict[str, Product] = field(default_factory=dict)  # by output
    source_size: Size | None = None
    thumbnail: bytes = b""  # of the picture
    error: str = ""  # of the picture itself; there are no products then


def lay_out(task: Task) -> Answer:
    """Make the outputs of a picture, without training or by a network (`task.run`)."""
    answer = Answer()
    try:
        photo = decode_photo(Path(task.path), io.BytesIO(task.content))
        answer.source_size = photo.pixels.shape[1], photo.pixels.shape[0]
        answer.thumbnail = thumbnail(photo)
        with _drawing(photo, task) as draw:
            for name, request in task.outputs.items():
                answer.products[name] = _product(lambda name=name, request=request: draw(name, request))  # type: ignore[misc]
            if task.model and task.run is not None:
                answer.products[task.model] = _product(lambda: _exported(task.run or {}))
    except Exception as error:  # one picture must not stop the others
        answer.error = _without_path(reason(error), task.path)
    return answer


def train(task: Task) -> Answer:
    """Train a network on the picture; the only product is its run folder, which is the only one of `task.outputs`."""
    from ingan_fast.quality.suitability import warning
    from ingan_fast.training.loop import train as run_training

    training, (name,) = task.options.training, task.outputs
    assert training is not None

    def product() -> Product:
        notices: list[str] = []
        with tempfile.TemporaryDirectory(prefix="ingan-fast-") as folder:
            picture, run = Path(folder) / Path(task.path).name, Path(folder) / "run"
            picture.write_bytes(task.content)
            try:
                result = run_training(
                    picture,
                    run,
                    preset_name=training.preset,
                    budget=training.budget,
                    device=task.device,
                    notice=notices.append,
                )
            except UserError as error:  # names the temporary file
                raise UserError(_without_path(str(error), str(picture))) from error
            if not result.finished:
                raise MachineError("the training was interrupted; run the same command again")
            files = {file: content for file, content in read_folder(run).items() if file not in _NOT_KEPT}
            notes = [note for note in notices if "layout alone is closer" in note]
            unsuitable = warning(load_image(run / "source.png"))
        return Product(files, note="; ".join([unsuitable, *notes] if unsuitable else notes))

    return Answer({name: _product(product)})


def reason(error: BaseException) -> str:
    """One line about a failure."""
    text = " ".join(str(error).split())
    if isinstance(error, ImportError) and (advice := missing_package(error)):
        return f"{advice} (on every node)"
    if isinstance(error, UserError | MachineError):
        return text
    if memory_ran_out(error):
        return f"not enough memory ({text[:200] or 'the required amount is unknown'}); make smaller outputs"
    return f"unexpected {type(error).__name__}: {text[:300]}"


def thumbnail(photo: Photo) -> bytes:
    """A small JPEG; transparency is drawn over a checkerboard."""
    pixels = srgb(photo).pixels
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BICUBIC)
    if image.mode in ("LA", "RGBA"):
        values = np.asarray(image.convert("RGBA"))
        image = Image.fromarray(over_checkerboard(values[..., :3], values[..., 3] / 255))
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="JPEG", quality=80)
    return buffer.getvalue()


def _without_path(text: str, path: str) -> str:
    """A message without the picture's path at its beginning, which the report has in another place."""
    return text.removeprefix(path).lstrip(": ")


def _product(make: Callable[[], Product]) -> Product:
    """The product with its seconds, or with the error."""
    start = time.perf_counter()
    try:
        product = make()
    except Exception as error:
        product = Product(error=reason(error))
    product.seconds = round(time.perf_counter() - start, 3)
    return product


@contextmanager
def _drawing(photo: Photo, task: Task) -> Iterator[Callable[[str, Request], Product]]:
    """Yields what makes one output: (name, request) → product."""
    options = task.options
    size = photo.pixels.shape[1], photo.pixels.shape[0]
    if task.run is None:
        given = LayoutOptions(keep_objects=options.keep_objects, tile=options.tile, variation=options.variation)
        layouts = Layouts(photo.pixels, given)

        def draw(name: str, request: Request) -> Product:
            transform = request.transform(size)
            cover = cover_of(transform, options.tile)
            view = perspective.lay_out(layouts, transform)
            pixels = view.draw(photo.pixels)
            result = Photo(pixels if cover is None else with_opacity(pixels, cover), photo.metadata)
            return _finished(name, result, photo, options, of_layout(view.layout, photo.pixels))

        yield draw
        return
    with _unpacked(task.run) as folder:
        from ingan_fast.runtime.retargeter import load

        trained = load(folder, task.device)

        def draw_learned(name: str, request: Request) -> Product:
            made = trained.retarget(request.transform(trained.source_size))
            pixels = made.picture[..., :1] if is_grey(made.picture) else made.picture
            result = Photo(pixels if made.alpha is None else with_opacity(pixels, made.alpha))
            return _finished(name, result, Photo(trained.training_picture()), options, {})

        yield draw_learned


def _finished(name: str, result: Photo, photo: Photo, options: Options, measures: dict[str, float]) -> Product:
    content = encode_photo(stripped(result) if options.strip else result, Path(name))
    if options.judge:
        measures = measures | by_torch(result, photo)
    size = result.pixels.shape[1], result.pixels.shape[0]
    return Product({"": content}, size, measures=measures, thumbnail=thumbnail(result))


def _exported(run: Mapping[str, bytes]) -> Product:
    from ingan_fast.export.run import ExportOptions, export
    from ingan_fast.training.trained import read_run

    with _unpacked(run) as folder:
        target = folder / "model"
        export(read_run(folder), target, ExportOptions())
        return Product(read_folder(target))


@contextmanager
def _unpacked(files: Mapping[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ingan-fast-") as name:
        for path, content in files.items():
            (Path(name) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(name) / path).write_bytes(content)
        yield Path(name)
