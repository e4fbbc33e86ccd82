"""Load on `ingan-fast serve` over loopback: how many requests a second, how long they take, how much memory it takes.

    python benchmarks/serve_load.py PICTURE --json serve.json

Starts a service, sends requests of which some are broken (no picture, a bomb, no size, an impossible one), checks every
answer, overloads it until it refuses, and checks that it recovers.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from processes import memory

BROKEN: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"size": "200x150"}, {"image": ("text.png", b"no picture " * 1000)}),
    ({"size": "200x150"}, {"image": ("empty.png", b"")}),
    ({}, {}),
    ({"size": "90000x90000"}, {}),
    ({"size": "200x150", "tile": "z"}, {}),
]
RETRIES = 1000  # for requests that are answered 503, after the time that the answer names


class Load:
    """Requests to one address, with what became of them."""

    def __init__(self, url: str, size: str):
        self.url, self.size = url, size
        self.codes: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.wrong: list[str] = []

    async def one(self, client: httpx.AsyncClient, number: int, broken: bool) -> None:
        """Send a request until it isn't refused for too much work, and check the answer."""
        fields, files = BROKEN[number % len(BROKEN)] if broken else ({"size": self.size}, {})
        for _ in range(RETRIES):
            start = time.perf_counter()
            answer = await client.post(self.url, data=fields, files=files or None)
            spent = time.perf_counter() - start
            self.codes[answer.status_code] += 1
            if answer.status_code != 503:
                break
            await asyncio.sleep(float(answer.headers["retry-after"]))
        wanted = 400 if broken else 200
        if answer.status_code != wanted or (not broken and not answer.content.startswith(b"\x89PNG")):
            self.wrong.append(f"{number}: {answer.status_code} {answer.text[:100] if broken else ''}")
        if not broken:
            self.seconds.append(spent)

    async def all(self, count: int, at_once: int, broken: int) -> float:
        """Send them; returns the seconds that it took."""
        places = asyncio.Semaphore(at_once)
        limits = httpx.Limits(max_connections=at_once)
        async with httpx.AsyncClient(timeout=120, limits=limits) as client:

            async def placed(number: int) -> None:
                async with places:
                    await self.one(client, number, number % (count // broken) == 0 if broken else False)

            start = time.perf_counter()
            await asyncio.gather(*(placed(number) for number in range(count)))
            return time.perf_counter() - start


async def overload(url: str, size: str, count: int) -> dict[str, Any]:
    """Far more requests at once than the queue takes; then one that must be answered."""
    async with httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=count)) as client:
        answers = await asyncio.gather(*(client.post(url, data={"size": size}) for _ in range(count)))
        codes = Counter(answer.status_code for answer in answers)
        after = await client.post(url, data={"size": size})
    return {"requests": count, "codes": dict(codes), "afterwards": after.status_code}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--broken", type=int, default=20)
    parser.add_argument("--size", default="200x150")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--queue", type=int, default=64)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    words = ["serve", str(options.picture), "--port", "0", "--workers", str(options.workers)]
    command = [sys.executable, "-m", "ingan_fast", *words, "--queue", str(options.queue)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        try:
            assert service.stdout is not None
            url = service.stdout.readline().strip()
            httpx.post(url, data={"size": options.size}, timeout=60).raise_for_status()
            before = memory(service.pid)
            load = Load(url, options.size)
            seconds = asyncio.run(load.all(options.requests, options.at_once, options.broken))
            after = memory(service.pid)
            refused = asyncio.run(overload(url, options.size, 3 * options.queue))
        finally:
            service.terminate()
    result = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
        "settings": {key: str(value) for key, value in vars(options).items() if key != "json"},
        "seconds": round(seconds, 2),
        "requests_per_second": round(options.requests / seconds, 1),
        "p50_ms": round(1000 * np.percentile(load.seconds, 50), 1),
        "p99_ms": round(1000 * np.percentile(load.seconds, 99), 1),
        "codes": dict(load.codes),
        "wrong": load.wrong,
        "memory_mb": {"before": before, "after": after},
        "overload": refused,
        "ended_with": service.returncode,
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
