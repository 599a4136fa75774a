"""Sizes of files in words."""

from __future__ import annotations


# humanize.naturalsize writes "312.0 kB" and "1 Byte"; buttons want as few characters as tell sizes apart.
def size_text(n_bytes: int) -> str:
    """Write a file size with two or three digits: "312 kB", "4.1 MB"."""
    # Not by humanize, which writes "1 Byte" and "312.4 kB".
    for limit, unit in ((1e3, "bytes"), (1e6, "kB"), (1e9, "MB")):
        if n_bytes < limit:
            amount = n_bytes / (limit / 1e3)
            return f"{amount:.1f} {unit}" if unit != "bytes" and amount < 10 else f"{amount:.0f} {unit}"
    return f"{n_bytes / 1e9:.1f} GB"
