"""Collect garbage neither in what libraries hold for as long as the process lives nor after each of many visits."""

from __future__ import annotations

import gc
import sys
import time
from threading import Lock

_MODULES_WORTH_IT = 50
_EVERY_S = 1.0
_spared = 0
_collected_s = float("-inf")
_lock = Lock()


def spare_libraries() -> bool:
    """Take what is alive out of garbage collection whenever many modules were imported since the last time.

    Each collection would walk all objects of torch, plotly and pandas: 0.35 s of the processor, several times what a
    page costs, while all visitors wait. What is not in use is collected first. Of what is spared only what refers to
    itself is never freed, and only objects of the few visits in which libraries were imported can be that.

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


def collect_visits() -> bool:
    """Collect what the visits of about the last second left, once for all of them.

    Streamlit would after each run of a script (``runner.postScriptGC``), while all other visitors wait: an eighth of
    what a server of many visitors computes. Never to collect would keep figures, which refer to themselves, for long.

    Returns
    -------
    bool
        Whether it was time to.
    """
    global _collected_s
    with _lock:
        if time.monotonic() - _collected_s < _EVERY_S:
            return False
        _collected_s = time.monotonic()
    gc.collect()
    return True
