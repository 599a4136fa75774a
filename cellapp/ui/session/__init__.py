"""The state of a visit: what its address names, the selection of cells, results and images read through caches."""
