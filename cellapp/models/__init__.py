"""Where weights come from: the registry, the hub, the lock file and the checks."""
