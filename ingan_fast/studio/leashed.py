"""Runs the command line as a process that is interrupted when its standard input ends.

So it is interrupted as by Ctrl-C when the server wants it, and also when the server is killed.
"""

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    """Run `ingan-fast` with this process's arguments."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of shells have it ignored
    threading.Thread(target=_watch, daemon=True).start()
    runpy.run_module("ingan_fast", run_name="__main__", alter_sys=True)


def _watch() -> None:
    descriptor = sys.stdin.fileno()
    while os.read(descriptor, 4096):
        continue
    signal.raise_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
