"""One module per container format; what their libraries log or warn of is for programmers, and kept from stderr here.

What a user has to know of a file is in `ImageInfo.notes`, or in the one sentence by which it is refused.
"""

import logging
import warnings

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # without any handler, logging prints to stderr
warnings.filterwarnings("ignore", "Found an empty list of filters")  # zarr, of files that other programs wrote
