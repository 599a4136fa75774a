"""Where images are analysed: this process, or a Dask cluster named by address. The only file that knows Dask.

The interface connects to a cluster that runs already; it never starts one. Every machine of the cluster needs cellapp,
the weights and the same view of the input and output folders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cellapp.errors import InputError


@dataclass(frozen=True)
class Engine:
    """``serial`` or the address of a Dask scheduler, ``tcp://HOST:PORT``."""

    address: str = "serial"

    def __post_init__(self) -> None:
        if self.address != "serial" and "://" not in self.address:
            raise InputError(f"engine must be serial or tcp://HOST:PORT; got {self.address!r}")

    @property
    def remote(self) -> bool:
        """Whether tasks leave this process."""
        return self.address != "serial"

    def map(self, task: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        """Run a task on every item and yield results as they end.

        Parameters
        ----------
        task : callable
            Picklable; must say failure in its result, not by raising.
        items : sequence
            Picklable.

        Raises
        ------
        InputError
            When no scheduler answers at the address.
        """
        if not self.remote:
            yield from map(task, items)
            return
        from dask.distributed import Client, as_completed

        try:
            client = Client(self.address, timeout="10s", set_as_default=False)
        except (OSError, TimeoutError) as error:
            raise InputError(f"no Dask scheduler answers at {self.address}: start one with `dask scheduler`") from error
        with client:
            futures = client.map(task, items, pure=False)
            for future in as_completed(futures, loop=client.loop):
                yield future.result()
