"""From a name to a loaded model: the registry, downloads, checks of the files, and loading."""
