"""From translations to scores: metrics with signatures, off-target ratio, significance, results."""
