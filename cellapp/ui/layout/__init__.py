"""What every page shares: navigation, header, empty states."""
