"""Runs the studio's server until it is interrupted."""

import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from ingan_fast.errors import UserError
from ingan_fast.studio.app import studio_app
from ingan_fast.studio.studio import Studio, file_name

MODELS = (".onnx", ".engine", ".pt2")
MAX_MESSAGE = 64 * 1024  # bytes of a WebSocket's message from a page


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens there, so that the port is known and taken before anything is loaded.

    Raises:
        UserError: the port is taken, or there is no such host.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise UserError(
            f"can't listen on {host}, port {port}: {error.strerror}; give another --port or --host"
        ) from error
    with listener:
        yield listener


def run(given: Path | None, listener: socket.socket, host: str, token: str, begun: Callable[[], None]) -> None:
    """Serve the studio; returns when it is interrupted."""
    studio = Studio()
    try:
        if given is not None:
            studio.start = opened(studio, given)
        serve(studio_app(studio, token, host, listener.getsockname()[1]), listener, begun)
    finally:
        studio.close()


def opened(studio: Studio, path: Path) -> str:
    """The id of what the command line named.

    Raises:
        UserError: it can't be read.
    """
    path = path.expanduser()
    if not path.exists():
        raise UserError(f"{path} doesn't exist; give a picture, a run folder or an exported model")
    if (path / "config.json").is_file():
        return studio.add_run(path)
    if path.is_dir() or path.suffix in MODELS:
        return studio.add_model(path)
    with studio.store.arriving() as folder:
        copy = folder / f"incoming{path.suffix.lower()}"
        shutil.copyfile(path, copy)
        try:
            return studio.add_photo(copy, file_name(path.name), path)[0].id
        except UserError as error:
            raise UserError(str(error).replace(file_name(path.name), str(path), 1)) from error


def serve(app: ASGIApp, listener: socket.socket, begun: Callable[[], None]) -> None:
    """Serve an app on a socket until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,  # takes longer than sending
        server_header=False,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=64 * 1024,
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                begun()

    with _calm_end():
        Server(config).run(sockets=[listener])


@contextmanager
def _calm_end() -> Iterator[None]:
    """The server raises the signal that ended it once more when it has ended; that is not to end the program."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
