"""The machine: device, number format, and who does the work."""
