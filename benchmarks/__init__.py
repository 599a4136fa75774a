"""One command per published claim: both sides in one run, the ratio with its spread, as one JSON object."""
