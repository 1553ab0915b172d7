"""What a profile means: the findings of detectors and of an AI. Its models come with the first analysis."""
