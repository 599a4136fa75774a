"""Projects, images, runs, cells and jobs in a database, and files by the digest of their content."""
