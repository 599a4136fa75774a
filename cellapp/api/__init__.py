"""The HTTP API, mounted under /api beside the pages."""
