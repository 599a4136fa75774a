"""Result files, one module per format; each is written with `cellapp.files.atomic_write`."""
