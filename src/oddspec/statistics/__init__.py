"""Statistics of pixels: mergeable summaries, Gaussian models, scores of residuals."""
