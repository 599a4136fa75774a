"""Who may see what: passes for tiles and the key they are signed with."""
