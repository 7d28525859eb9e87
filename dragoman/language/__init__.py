"""Languages: codes, names, scripts, directions, and identification of the language of a text."""
