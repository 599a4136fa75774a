"""Training of the demonstration heads that ship with the program."""
