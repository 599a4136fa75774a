"""What the samples of an image mean whose planes are pages of several TIFF files: its first page says it for all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellapp.images.formats.axes import Layout
from cellapp.images.formats.channels_first import levels_of
from cellapp.images.formats.ome_xml import OmeImage
from cellapp.images.formats.page_planes import AXES, Page, PagePlanes, open_page
from cellapp.images.formats.samples import Samples
from cellapp.images.formats.tiff_metadata import shows_photo
from cellapp.images.formats.tiff_samples import declared_samples, turned_over
from cellapp.types.image import ImageInfo, LazyArray


def page_samples(first: Page, smallest: PagePlanes, name: str, ome: OmeImage | None = None) -> tuple[Samples, bool]:
    """Read what the samples of an image mean, and whether its channels are the colours of a photograph.

    Parameters
    ----------
    first : Page
        That of the first plane.
    smallest : PagePlanes
        The smallest level.
    name : str
        Name for messages.
    ome : OmeImage, optional
        What OME-XML says of the image.

    Raises
    ------
    InputError
        For colour spaces that are not converted.
    """
    layout = Layout(AXES, smallest.shape)
    names, bits = (ome.channels, ome.significant_bits) if ome else ((), None)
    with open_page(first) as page:
        samples = declared_samples(page, layout, name, n_named=len(names), smallest=smallest)
        n_channels = samples.shape(layout.cyx)[0]
        return samples.with_bits(bits, np.dtype(page.dtype).name), shows_photo(page, layout, ome, n_channels)


def meant_levels(
    first: Page, stored: Sequence[PagePlanes], samples: Samples, info: ImageInfo, there: np.ndarray | None = None
) -> tuple[LazyArray, ...]:
    """Read the levels of an image as what their samples mean, each (C, Y, X), full resolution first.

    Parameters
    ----------
    first : Page
        That says how samples are stored.
    stored : sequence of PagePlanes
        One per level.
    samples : Samples
    info : ImageInfo
        Of the image that is made.
    there : ndarray, optional
        As of `cellapp.images.formats.channels_first.levels_of`.
    """
    layouts = [Layout(AXES, level.shape) for level in stored]
    with open_page(first) as page:
        numbers = turned_over(stored, page)
    return tuple(samples.meant(level) for level in levels_of(numbers, layouts, info, there=there))
