"""Handlers that take more than they may, for the processes that a supervisor starts."""

import os
import re
import time

from cellapp.store.costly_images import opening


def eat(payload, on_step):
    """Take memory until somebody ends this process; first say which image it is for, where there is one."""
    opening(payload.get("image", ""), "huge.tif")
    held = []
    for i in range(400):
        on_step("eating", i / 400)
        held.append(bytearray(os.urandom(1) * 10_000_000))
        time.sleep(0.01)
    return {"eaten": len(held)}


def hang(payload, on_step):
    """Never come back, and let no other thread run."""
    re.match(r"(a+)+$", "a" * 40 + "b")
    return {}


def double(payload, on_step):
    """Do as one should."""
    on_step("doubling", 0.5)
    return {"n": 2 * payload["n"]}


def wait(payload, on_step):
    """Report steps for a long time."""
    for i in range(600):
        on_step("waiting", i / 600)
        time.sleep(0.1)
    return {}


def who(payload, on_step):
    """Say which process does the work."""
    return {"pid": os.getpid()}
