"""What a visit knows: the address, the selection, cached reads."""
