"""How a slide is divided among many workers: what its parts cost, what cannot be divided, what follows from that."""
