"""What treatments do to populations of cells: plates, effects on wells, dose response and hits."""
