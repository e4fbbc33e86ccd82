"""The inner loops in C; each writes into its last arrays what the function that calls it finds in numpy."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

def around(
    picture: NDArray, type: str, scale: float, first: Doubles, rows: Integers, least: int, result: Floats
) -> None: ...
def band_costs(
    picture: NDArray,
    type: str,
    places: Integers,
    lengths: Integers,
    spread: Integers,
    share_beside: float,
    share_around: float,
    outside: float,
    costs: Floats,
) -> None: ...
def best_jumps(
    tables: tuple[Floats, ...],
    turns: Integers,
    begins: Integers,
    shown: Floats,
    begin: Floats,
    end: Floats,
    run: int,
    place_every: int,
    jumps: Integers,
) -> int: ...
def best_repeats(
    between: Floats,
    shown: Floats,
    along: Floats,
    run: int,
    longest: int,
    every: int,
    ready: Floats,
    jumped: Floats,
    lengths: Integers,
) -> None: ...
def best_seams(costs: Floats, bend: float, scale: float, seams: Floats) -> None: ...
def between(around: NDArray, type: str, weights: Floats, result: NDArray) -> None: ...
def copy_pieces(picture: Bytes, places: Integers, lengths: Integers, result: Bytes) -> None: ...
def count_levels(levels: Bytes, places: Integers, lengths: Integers, counts: Integers) -> None: ...
def differences(planes: Floats, first: int, share_around: float, result: Floats) -> None: ...
def group_rows(
    rows: Floats,
    order: Integers,
    grouped: Floats,
    low: Floats,
    high: Floats,
    low_blocks: Floats,
    high_blocks: Floats,
) -> None: ...
def mean_fields(
    join: Doubles,
    side: int,
    start: float,
    index: Integers,
    shares: Doubles,
    each: Floats,
    fields: Floats,
    low: Integers,
    high: Integers,
    largest: Doubles,
    evenness: Floats,
) -> int: ...
def nearest(
    queries: Floats,
    whole_queries: Floats,
    rows: Floats,
    whole_rows: Floats,
    order: Integers,
    low: Floats,
    high: Floats,
    low_blocks: Floats,
    high_blocks: Floats,
    slack: float,
    best: Floats,
) -> None: ...
def pass_cascade(
    picture: Bytes,
    side: int,
    counts: Integers,
    thresholds: Doubles,
    boxes: Integers,
    subsets: Mask,
    leaves: Doubles,
    every: int,
    result: Mask,
) -> None: ...
def path_costs(costs: Floats, bend: float, least: Floats) -> None: ...
def paths(costs: Floats, bend: float, places: Integers) -> None: ...
def place_seam(
    planes: tuple[Floats | None, ...],
    lengths: Integers,
    weights: Floats,
    before: Doubles,
    low: Integers,
    high: Integers,
    places: Integers,
    sideways: float,
    closed: bool,
) -> None: ...
def polish(
    between: Floats,
    along: Floats,
    shown: Floats,
    rest: Floats,
    again: Floats | None,
    steps: Integers,
    places: Integers,
    lengths: Integers,
    weight: float,
    as_long: float,
    run: int,
    in_order: bool,
    sweeps: int,
) -> None: ...
def put(result: Bytes, piece: Bytes, low: int, first: Integers) -> None: ...
def scale_fields(fields: Floats, low: Integers, high: Integers, part: Doubles) -> None: ...
def shade(
    result: NDArray,
    type: str,
    join: Doubles,
    slope: float,
    fields: Floats,
    side: int,
    start: float,
    first: int,
    end: int,
    most: float,
    least: float,
    nearly: float,
) -> None: ...
def shown_before(
    levels: Bytes, prices: Floats, count: float, besides: Floats | None, typical: float, before: Doubles
) -> None: ...
def steps_at(fields: Floats, side: int, start: float, rows: Integers, columns: Doubles, result: Floats) -> None: ...
def turn(picture: Bytes, result: Bytes) -> None: ...
