"""What several pages draw: header and sidebar, empty states, cells as pictures and on the slide, runs in progress."""
