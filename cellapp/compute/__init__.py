"""Device, number format and processes of this machine, and the cluster."""
