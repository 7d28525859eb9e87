"""A conversation about translations in the terminal."""
