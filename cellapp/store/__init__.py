"""What is remembered: projects, images, runs, cells and jobs in a database, and files by their content."""
