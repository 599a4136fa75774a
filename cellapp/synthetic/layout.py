"""Positions of the cells of a synthetic slide.

Cells lie on a jittered hexagonal lattice; each site draws from a generator seeded by (seed, row, column). A few steps
of mutual repulsion then move them apart. Both depend on a bounded neighbourhood only, so that the cells of a region are
the same whether it is rendered alone or with the whole slide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.image import Region

MARGIN_SITES = 8  # lattice rows and columns kept left of and above the slide so that site numbers stay positive
RELAX_STEPS = 4
LARGEST = 1.4  # largest cell radius in average radii
GAP, CONTACT = 1.18, 0.9  # centre distance aimed at, in summed radii: of unrelated cells, of the two of a pair
REACH = 1.2  # no cell extends farther from its centre than this many average diameters
JITTER = 0.34  # in lattice spacings


@dataclass(frozen=True)
class PlacedCell:
    """Position, size and class of one cell before it is rendered; px of the slide."""

    cell_id: int
    key: tuple[int, int, int, int]  # seeds everything else that is random about the cell
    y: float
    x: float
    radius_px: float
    cancer: bool


def shared_direction(settings: SyntheticSettings) -> float:
    """Return the direction in which the normal cells of a slide are aligned, radians, 0 to pi."""
    return float(np.random.default_rng([settings.seed, 1]).uniform(0, math.pi))


def place_cells(settings: SyntheticSettings, region: Region) -> list[PlacedCell]:
    """Return every cell that may reach into a region, in order of id.

    Parameters
    ----------
    settings : SyntheticSettings
    region : Region
        Rectangle in px of the slide.

    Returns
    -------
    list of PlannedCell
        Only cells whose centre is on the slide, so that no truth label is a mere sliver at the edge.
    """
    if settings.density == 0:
        return []
    reach = REACH * settings.diameter_px
    # In each relaxation step a cell is moved by neighbours at most two of the largest radii away.
    halo = reach + (RELAX_STEPS + 1) * LARGEST * GAP * settings.diameter_px
    cells = _relax(settings, _cells_near(settings, region, halo))
    return [cell for cell in cells if _on_slide(cell, settings) and _reaches(cell, region, reach)]


def _pair_probability(settings: SyntheticSettings) -> float:
    """Return the probability of two cells at a site, so that `touching` of all cells are in pairs."""
    return settings.touching / (2 - settings.touching)


def _spacing_px(settings: SyntheticSettings) -> float:
    area = math.pi / 4 * settings.diameter_px**2
    # A hexagonal lattice of spacing s has one site per s * s * sqrt(3) / 2.
    per_site = (1 + _pair_probability(settings)) * area / settings.density
    return math.sqrt(per_site * 2 / math.sqrt(3))


def _cells_near(settings: SyntheticSettings, region: Region, halo: float) -> list[PlacedCell]:
    spacing = _spacing_px(settings)
    step = spacing * math.sqrt(3) / 2
    n_columns = math.ceil(settings.width / spacing) + 2 * MARGIN_SITES
    n_rows = math.ceil(settings.height / step) + 2 * MARGIN_SITES
    # A lattice row is shifted by up to half a spacing and each site by its jitter and pair offset.
    slack = spacing + settings.diameter_px
    rows = _site_range(region.y, region.height, halo + slack, step, n_rows)
    columns = _site_range(region.x, region.width, halo + slack, spacing, n_columns)
    return [cell for row in rows for column in columns for cell in _site(settings, row, column, n_columns)]


def _site_range(start: int, length: int, halo: float, step: float, limit: int) -> range:
    first = math.floor((start - halo) / step) + MARGIN_SITES
    last = math.ceil((start + length + halo) / step) + MARGIN_SITES
    return range(max(first, 0), min(last + 1, limit))


def _site(settings: SyntheticSettings, row: int, column: int, n_columns: int) -> list[PlacedCell]:
    rng = np.random.default_rng([settings.seed, 2, row, column])
    spacing = _spacing_px(settings)
    dy, dx = rng.uniform(-JITTER, JITTER, 2) * spacing
    y = (row - MARGIN_SITES + 0.5) * spacing * math.sqrt(3) / 2 + dy
    x = (column - MARGIN_SITES + 0.5 + 0.5 * (row % 2)) * spacing + dx
    cancer = bool(rng.random() < settings.cancer_fraction)
    paired = bool(rng.random() < _pair_probability(settings))
    angle = rng.uniform(0, 2 * math.pi)
    uneven = cancer and settings.differ_by == "all"
    mean, spread = (1.05, 0.15) if uneven else (1.0, 0.09)
    radii = settings.diameter_px / 2 * np.clip(rng.normal(mean, spread, 2), 0.7, LARGEST)
    offset = CONTACT * radii.sum() / 2 if paired else 0.0
    number = 2 * (row * n_columns + column) + 1
    return [
        PlacedCell(
            cell_id=number + k,
            key=(settings.seed, row, column, k),
            y=y + sign * offset * math.sin(angle),
            x=x + sign * offset * math.cos(angle),
            radius_px=float(radii[k]),
            cancer=cancer,
        )
        for k, sign in ((0, 1), (1, -1))[: 1 + paired]
    ]


def _relax(settings: SyntheticSettings, cells: list[PlacedCell]) -> list[PlacedCell]:
    if not cells:
        return cells
    position = np.array([(cell.y, cell.x) for cell in cells])
    radius = np.array([cell.radius_px for cell in cells])
    site = np.array([cell.cell_id - 1 for cell in cells]) // 2
    for _ in range(RELAX_STEPS):
        position = _push_apart(position, radius, site, GAP * LARGEST * settings.diameter_px)
    return [
        PlacedCell(cell.cell_id, cell.key, float(y), float(x), cell.radius_px, cell.cancer)
        for cell, (y, x) in zip(cells, position, strict=True)
    ]


def _push_apart(position: np.ndarray, radius: np.ndarray, site: np.ndarray, limit: float) -> np.ndarray:
    pairs = cKDTree(position).query_pairs(limit, output_type="ndarray")
    # The order of summation must not depend on which far cells are in the list: sums of floats differ by order.
    a, b = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].T
    towards = position[b] - position[a]
    distance = np.maximum(np.hypot(*towards.T), 1e-6)
    wanted = (radius[a] + radius[b]) * np.where(site[a] == site[b], CONTACT, GAP)
    push = (towards / distance[:, None]) * np.maximum(wanted - distance, 0)[:, None] / 2
    moved = position.copy()
    np.add.at(moved, a, -push)
    np.add.at(moved, b, push)
    return moved


def _on_slide(cell: PlacedCell, settings: SyntheticSettings) -> bool:
    return 0 <= cell.y < settings.height and 0 <= cell.x < settings.width


def _reaches(cell: PlacedCell, region: Region, reach: float) -> bool:
    inside_y = region.y - reach <= cell.y <= region.y + region.height + reach
    return inside_y and region.x - reach <= cell.x <= region.x + region.width + reach
