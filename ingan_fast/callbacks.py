"""Callbacks by which functions report while they run. The parameters have these names everywhere.

`report` is a fourth one, where a function has more to tell: the status of a training or of a clip.
"""

from collections.abc import Callable

Notice = Callable[[str], None]  # notice(text): a message for the user
Progress = Callable[[float], None]  # progress(done): the fraction done, in (0, 1]
Advance = Callable[[], None]  # advance(): one of a known number of steps is done
