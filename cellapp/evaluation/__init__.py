"""How far calls can be trusted, which classifier is better, and how many cells of each class there really are."""
