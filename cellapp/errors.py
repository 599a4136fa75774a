"""Everything that can go wrong in words a user can act on.

Each message is one line: the rule, the value that broke it, the way out. A shell maps the class to its own signal (exit
status, HTTP status, a red badge) and prints the message as it is; any other exception is a defect and stays loud.
"""


class CellappError(Exception):
    """Root of every error that is told to the user."""


class InputError(CellappError):
    """A file, table or argument cannot be used as it is (exit status 2, HTTP 422)."""


class BudgetError(InputError):
    """An input is larger than the configured limit; the message says how to raise it (HTTP 413)."""


class ModelError(CellappError):
    """Weights are missing, unverified, gated or do not fit the other models of the run."""


class StoreError(CellappError):
    """A project, image, run or cell is not in the store, or the store cannot be reached."""


class AccessError(CellappError):
    """Whoever asks may not see what they ask for (HTTP 403)."""


class EngineError(CellappError):
    """The processes or the cluster that should do the work are lost."""


class Cancelled(CellappError):
    """The user asked the running work to stop."""
