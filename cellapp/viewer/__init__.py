"""What the deep-zoom viewer asks the server for: tiles of an image and of the cells found in it, drawn on demand."""
