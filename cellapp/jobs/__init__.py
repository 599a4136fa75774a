"""Long work outside the pages: the queue, the worker process, and one module per longer job."""
