"""The look inside: how alike sentences and their translations are in every layer of a model."""
