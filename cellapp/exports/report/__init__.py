"""report.html: a run on one page that opens without a network, by section."""
