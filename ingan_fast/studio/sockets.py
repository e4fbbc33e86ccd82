"""The WebSocket of a page: frames for it, and news."""

import asyncio
import json
import struct
import threading
import time
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ingan_fast.errors import MachineError, UserError
from ingan_fast.geometry import Transform
from ingan_fast.studio.child import Stopped
from ingan_fast.studio.frames import RGBA, FrameKey, bounded
from ingan_fast.studio.requests import FrameRequest, check_frame
from ingan_fast.studio.store import Entry
from ingan_fast.studio.studio import Studio
from ingan_fast.studio.subjects import at_size, size_within

MAGIC = 0x31464749  # the bytes IGF1
HEADER = struct.Struct("<IIIIHHfII")
RAW = 0
PROVISIONAL, SOLVED, APPROXIMATE, FLAT = 1, 2, 4, 8
SCREEN_SIDE = 2048  # px; solved frames are made of a photo of this size, which takes a tenth of 24 megapixels' time
MAX_MESSAGE = 16_384  # bytes of a request
GRACE = 2.0  # seconds that solving may go on when it isn't wanted any more; its tables are of use for the next one
CLIENT_LENGTHS = range(8, 65)

router = APIRouter()
_drawing = ThreadPoolExecutor(2, "drawing")
_solving = ThreadPoolExecutor(4, "solving")  # they wait for one process


def packed(request: FrameRequest, pixels: RGBA, flags: int, began: float) -> bytes:
    """A frame as it is sent."""
    height, width = pixels.shape[:2]
    spent = (time.perf_counter() - began) * 1000
    header = HEADER.pack(MAGIC, request.seq, width, height, RAW, flags, spent, *request.transform.size)
    return b"".join((header, np.ascontiguousarray(pixels).data))


def is_client(text: str) -> bool:
    """Whether this may be a page's id."""
    return len(text) in CLIENT_LENGTHS and text.replace("-", "").replace("_", "").isalnum() and text.isascii()


@router.websocket("/api/pictures/{key}/frames")
async def frames(socket: WebSocket, key: str) -> None:
    studio: Studio = socket.app.state.studio
    client, entry = socket.query_params.get("client", ""), studio.store.get(key)
    await socket.accept()
    if entry is None or not is_client(client):
        sentence = "there is no such picture; open it again" if entry is None else "the client id is invalid"
        await socket.send_text(json.dumps({"event": "closing", "error": sentence}))
        await socket.close(1008, sentence)
        return
    if studio.hub.full:
        await socket.close(1013, "too many pages are open")
        return
    await _Page(studio, socket, entry, client).serve()


class _Page:
    """One socket: reads requests, keeps the newest, answers it."""

    def __init__(self, studio: Studio, socket: WebSocket, entry: Entry, client: str):
        self._studio, self._socket, self._entry, self._client = studio, socket, entry, client
        self._newest: FrameRequest | None = None
        self._wake = asyncio.Event()
        self._solving: asyncio.Task[None] | None = None
        self._unwanted = threading.Event()  # of what is being solved
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        news = self._studio.hub.join(self._entry.id, self._client)
        tasks = [asyncio.create_task(work) for work in (self._read(), self._answer_all(), self._forward(news))]
        try:
            hello = {"event": "hello", "client": self._client, "picture": self._entry.id}
            await self._send_text(json.dumps(hello))
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except WebSocketDisconnect:
            pass
        finally:
            self._studio.hub.leave(news)
            self._give_up()
            for task in tasks:
                task.cancel()

    async def _forward(self, news: "asyncio.Queue[str]") -> None:
        while True:
            text = await news.get()
            await self._send_text(text)
            if '"closing"' in text[:30]:
                await self._socket.close(1001)
                return

    async def _read(self) -> None:
        while True:
            text = await self._socket.receive_text()
            try:
                if len(text) > MAX_MESSAGE:
                    raise ValueError("the message is too long")
                request = FrameRequest.model_validate_json(text)
            except ValidationError as error:
                first = error.errors()[0]
                place = ".".join(map(str, first["loc"]))
                if await self._fail_softly(text, f"the request is invalid: {place}: {first['msg']}"):
                    continue
                await self._socket.close(1008, "the message is no valid request"[:120])
                return
            self._newest = request
            self._wake.set()

    async def _fail_softly(self, text: str, sentence: str) -> bool:
        """Answer a message that has a number with an error; whether it had one."""
        try:
            seq = json.loads(text)["seq"]
        except (ValueError, TypeError, KeyError):
            return False
        await self._send_text(json.dumps({"event": "error", "seq": seq, "error": sentence}))
        return True

    async def _answer_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            request, self._newest = self._newest, None
            if request is None:
                continue
            self._give_up()
            if request.solved:
                self._solving = asyncio.create_task(self._guarded(request, self._solve(request)))
            else:
                await self._guarded(request, self._draw(request))

    def _give_up(self) -> None:
        """Solve no more what was asked for before. If that takes long, its process is ended, as others wait for it."""
        if self._solving is None:
            return
        self._solving.cancel()
        self._solving = None
        self._unwanted.set()
        asyncio.get_running_loop().call_later(GRACE, self._studio.stills.stop_unwanted, self._unwanted)

    async def _guarded(self, request: FrameRequest, work: Awaitable[None]) -> None:
        try:
            await work
        except (UserError, MachineError) as error:
            await self._send_text(
                json.dumps({"event": "error", "seq": request.seq, "error": self._studio.cleaned(str(error))})
            )
        except (Stopped, FileNotFoundError):
            await self._send_text(json.dumps({"event": "error", "seq": request.seq, "error": "the picture is gone"}))
        except Exception as error:
            sentence = f"this failed unexpectedly ({type(error).__name__})"
            await self._send_text(json.dumps({"event": "error", "seq": request.seq, "error": sentence}))

    async def _draw(self, request: FrameRequest) -> None:
        began = time.perf_counter()
        transform = check_frame(request.transform, request.options)
        await self._send(
            await asyncio.get_running_loop().run_in_executor(_drawing, self._drawn, request, transform, began)
        )

    def _drawn(self, request: FrameRequest, transform: Transform, began: float) -> bytes:
        options = request.options
        if self._entry.preview_size is None:
            raise UserError("this model contains no picture that could be dragged; export it again with its run")
        key = FrameKey.of(self._entry.id, options, self._studio.store.versions(self._entry.id))
        pixels, provisional = self._studio.frames.draw(key, options, transform, self._entry.size, request.flat)
        flags = PROVISIONAL * provisional | APPROXIMATE * (options.tile is not None or self._entry.kind != "photo")
        flags |= FLAT * request.flat
        return packed(request, bounded(pixels, request.max_side), flags, began)

    async def _solve(self, request: FrameRequest) -> None:
        began = time.perf_counter()
        transform = check_frame(request.transform, request.options)
        loop = asyncio.get_running_loop()
        self._unwanted = unwanted = threading.Event()
        await self._send(await loop.run_in_executor(_solving, self._solved, request, transform, began, unwanted))

    def _solved(self, request: FrameRequest, transform: Transform, began: float, unwanted: threading.Event) -> bytes:
        subject = self._studio.subject(self._entry, request.options, SCREEN_SIDE)
        if subject.kind == "photo":
            transform = at_size(transform, self._entry.size, size_within(self._entry.size, SCREEN_SIDE))
        pixels = self._studio.stills.run("solve", subject, transform, request.max_side, unwanted=unwanted)
        return packed(request, pixels, SOLVED, began)

    async def _send(self, data: bytes) -> None:
        async with self._sending:
            if self._socket.client_state is WebSocketState.CONNECTED:
                await self._socket.send_bytes(data)

    async def _send_text(self, text: str) -> None:
        async with self._sending:
            if self._socket.client_state is WebSocketState.CONNECTED:
                await self._socket.send_text(text)
