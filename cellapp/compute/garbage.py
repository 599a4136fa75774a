"""Keep garbage collection from walking what libraries hold for as long as the process lives."""

from __future__ import annotations

import gc
import sys
from threading import Lock

_MODULES_WORTH_IT = 50
_spared = 0
_lock = Lock()


def spare_libraries() -> bool:
    """Take what is alive out of garbage collection whenever many modules were imported since the last time.

    Streamlit collects everything after each run of a script, and Python does now and then. Each time it would walk all
    objects of torch, plotly and pandas: 0.35 s of the processor, several times what a page costs, while all visitors
    wait. What is not in use is collected first. Of what is spared only what refers to itself is never freed, and only
    objects of the few visits in which libraries were imported can be that.

    Returns
    -------
    bool
        Whether anything was taken out now.
    """
    global _spared
    with _lock:
        if len(sys.modules) < _spared + _MODULES_WORTH_IT:
            return False
        _spared = len(sys.modules)
    gc.collect()
    gc.freeze()
    return True
