"""Runs while processes are killed, disks are full, the database is locked or lost, or many people work at once.

Nothing may be lost or done twice.

python -m benchmarks.disturb [worker server disk locked replaced people lock visitors]

Every figure is of processes as users start them (`python -m cellapp worker`, `python -m cellapp serve`) in a
CELLAPP_HOME of its own below the folder of temporary files. A run is some synthetic images; what is left of it after a
disturbance is compared with the same run left alone. The full disk is one of its own (tmpfs), which takes root or
``unshare -rm``.
"""
