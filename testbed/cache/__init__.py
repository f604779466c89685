"""The cache across runs: encodings, calls, sounds and scores by content, in one bounded file per machine."""
