"""How fast this is, measured; speed is never asserted in tests."""
