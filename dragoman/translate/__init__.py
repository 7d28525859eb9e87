"""From a model and source text to translations: search, contrast, batching, files."""
