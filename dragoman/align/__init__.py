"""Word alignment: which word answers which word."""
