"""Exact search for the nearest of many rows, by squared distance.

Compiled, most rows are left out by lower bounds of their distances. The queries' main directions (principal
components) and the length of what is left beside them keep most of a distance in few numbers. Rows are sorted into
groups of similar ones, and groups into blocks; what is farther away in those numbers than what was found already needs
no closer look. Without the compiled loops, all distances are computed.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ingan_fast.layout import compiled
from ingan_fast.threads import apart

COMPONENTS = 39  # of patches; longer rows have more
BOXED = 24  # components that boxes around groups have
GROUP, BLOCK = 32, 16  # rows in a group, groups in a block, as in native/groups.h
MOST_VALUES = 1 << 22  # of the rows that are sorted together: 16 MB, since they are looked up at random
IN_CACHE = 1024  # rows that are projected at a time
ROUNDING = 1e-9  # of the squared lengths: the least difference between bounds that counts


def nearest(queries: Tensor, database: Iterator[Tensor]) -> Tensor:
    """Squared distance per value from each query to its nearest row of the database: [n, d] -> [n].

    Args:
        queries: float32 [n, d].
        database: chunks of rows, [m, d] each.
    """
    best = _by_bounds(queries, database) if compiled.available else _by_products(queries, database)
    return best / queries.shape[1]


def _by_products(queries: Tensor, database: Iterator[Tensor], block: int = 512, columns: int = 1024) -> Tensor:
    """All squared distances: |q - p|^2 = |q|^2 + (|p|^2 - 2 p.q), with |p|^2 as an additional column of the product.

    Subtracting the queries' mean from both sides keeps the terms, and so the rounding errors, small (about 1e-8).
    Blocks fit into the cache.
    """
    centre = queries.mean(0)
    queries = queries - centre
    best = torch.full((queries.shape[0],), torch.inf)
    turned = F.pad(queries, (0, 1), value=1.0).t()  # [d + 1, n]
    parts = [part.contiguous() for part in turned.split(columns, dim=1)]
    for chunk in database:
        chunk = chunk - centre
        rows = torch.cat([-2 * chunk, chunk.square().sum(1, keepdim=True)], dim=1)
        for rows_block in rows.split(block):
            for part, so_far in zip(parts, best.split(columns), strict=True):
                torch.minimum(so_far, (rows_block @ part).amin(0), out=so_far)
    return (best + queries.square().sum(1)).clamp_min(0)


def _by_bounds(queries: Tensor, database: Iterator[Tensor]) -> Tensor:
    """The same, compiled, and without most of the distances."""
    with apart() as in_parts:
        centre = queries.mean(0)
        around = (queries - centre).double()
        main_first = torch.linalg.eigh(around.T @ around)[1].flip(1)
        basis = main_first[:, : _components(queries.shape[1])].float()
        asked, asked_whole = _projected(queries, centre, basis), queries.contiguous().numpy()
        best = np.full(len(queries), np.inf, np.float32)
        for chunk in _together(database):
            rows = _projected(chunk, centre, basis)
            slack = ROUNDING * float(np.square(rows).sum(1).max())
            order, grouped, *boxes = _grouped(rows)
            known = (grouped, chunk.numpy(), order, *boxes, slack)

            def search(part: slice, known: tuple[Any, ...] = known) -> None:
                arguments = (asked[part], asked_whole[part], *known, best[part])
                compiled.loops.nearest(*arguments)

            in_parts(search, len(queries), GROUP)
    return torch.from_numpy(best)


def _components(values: int) -> int:
    """How many components stand for a row: a sixth of its values; one more, for what is left, makes a multiple of 4."""
    return max(COMPONENTS, values // 24 * 4 - 1)


def _together(chunks: Iterator[Tensor]) -> Iterator[Tensor]:
    """The same rows in larger chunks: the more rows are sorted, the closer are the boxes around their groups."""
    gathered: list[Tensor] = []
    for chunk in chunks:
        if gathered and sum(each.numel() for each in (*gathered, chunk)) > MOST_VALUES:
            yield torch.cat(gathered)
            gathered = []
        gathered.append(chunk)
    yield torch.cat(gathered)


def _projected(rows: Tensor, centre: Tensor, basis: Tensor) -> NDArray[np.float32]:
    """The length of what is left beside the components, and these: but for rounding, distances are never larger."""
    result = torch.zeros(len(rows), 1 + _components(rows.shape[1]))
    for block, of_block in zip(rows.split(IN_CACHE), result.split(IN_CACHE), strict=True):
        block = block - centre
        components = torch.mm(block, basis, out=of_block[:, 1 : 1 + basis.shape[1]])
        of_block[:, 0] = block.addmm_(components, basis.t(), alpha=-1).norm(dim=1)
    return result.numpy()


def _grouped(rows: NDArray[np.float32]) -> tuple[NDArray[Any], ...]:
    """Similar rows in one group, similar groups in one block, as `native/groups.c` makes them.

    Returns:
        Their places [groups, GROUP], of which the last one fills up the last group; the rows [groups, values, GROUP];
        the least and largest of their first values by group [blocks, BOXED, BLOCK] and by block [BOXED, blocks].
    """
    values, groups = rows.shape[1], -(-len(rows) // GROUP)
    blocks = -(-groups // BLOCK)
    order = np.empty((groups, GROUP), np.int64)
    shapes = [(groups, values, GROUP), *2 * [(blocks, BOXED, BLOCK)], *2 * [(BOXED, blocks)]]
    results = [np.empty(shape, np.float32) for shape in shapes]
    compiled.loops.group_rows(rows, order, *results)
    return order, *results
