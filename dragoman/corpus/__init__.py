"""Text in: readers, filters, leak removal and the store that the later steps read from."""
