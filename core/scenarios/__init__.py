"""The web farm to adapt, what loads it, who adapts it, and what came of it."""
