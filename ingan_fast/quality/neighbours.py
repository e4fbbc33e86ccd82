"""Exact search for the nearest of many rows, by squared distance.

Compiled, most rows are left out by lower bounds of their distances. The queries' main directions (principal
components) and the length of what is left beside them keep most of a distance in few numbers. Rows are sorted into
groups of similar ones; a group farther away in those numbers than what was found already needs no closer look. Without
the compiled loops, all distances are computed.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ingan_fast.layout import compiled

COMPONENTS = 39  # of 23, 31, 39, 47 the quickest for patches and for the longer rows of `local_stretch`; 4 n - 1
GROUP = 32  # rows in a group, as in native/nearest.c
PARTS = 8  # along each of the first three components, when rows are sorted into groups
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
    centre = queries.mean(0)
    around = (queries - centre).double()
    basis = torch.linalg.eigh(around.T @ around)[1].flip(1)[:, :COMPONENTS].float()  # the main ones first
    asked, asked_whole = _projected(queries, centre, basis).numpy(), queries.contiguous().numpy()
    best = np.full(len(queries), np.inf, np.float32)
    threads = max(1, min(torch.get_num_threads(), len(queries) // GROUP))
    parts = [slice(len(queries) * part // threads, len(queries) * (part + 1) // threads) for part in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        for chunk in database:
            rows = _projected(chunk, centre, basis)
            order = _grouped(rows)
            slack = ROUNDING * float(rows.square().sum(1).amax())
            rows = rows[order]  # [groups, GROUP, components]
            low, high = (values.t().contiguous().numpy() for values in torch.aminmax(rows, dim=1))
            known = (
                rows.transpose(1, 2).contiguous().numpy(),
                chunk.contiguous().numpy(),
                order.numpy(),
                low,
                high,
                slack,
            )

            def search(part: slice, known: tuple[Any, ...] = known) -> None:
                arguments = (asked[part], asked_whole[part], *known, best[part])
                compiled.loops.nearest(*arguments)

            list(pool.map(search, parts))
    return torch.from_numpy(best)


def _projected(rows: Tensor, centre: Tensor, basis: Tensor) -> Tensor:
    """Components of the rows, and the length of what is left: distances in these are never larger, but for rounding."""
    rows = rows - centre
    components = rows @ basis
    left = torch.addmm(rows, components, basis.t(), alpha=-1).norm(dim=1, keepdim=True)
    missing = COMPONENTS - basis.shape[1]
    return torch.cat([F.pad(components, (0, missing)), left], dim=1)


def _grouped(rows: Tensor) -> Tensor:
    """The rows' places, similar ones in one group: [groups, GROUP]; the last place fills up the last group."""
    pieces = [torch.arange(len(rows))]
    for component in range(3):
        ordered = (piece[rows[piece, component].argsort()] for piece in pieces)
        pieces = [part for piece in ordered for part in piece.tensor_split(PARTS)]
    order = torch.cat(pieces)
    return torch.cat([order, order[-1:].expand(-len(order) % GROUP)]).view(-1, GROUP)
