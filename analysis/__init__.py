"""What a profile means: findings by detectors and by an AI. Its first models come with the analyses themselves."""
