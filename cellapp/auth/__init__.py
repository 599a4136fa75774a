"""Access to images: passes for tiles and the key they are signed with."""
