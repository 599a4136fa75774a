"""Work outside the pages: the queue, the worker process, the handlers, and one module per longer job."""
