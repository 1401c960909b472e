"""W1 and W2 beside other people's libraries, which live in an environment of their own: `make bench-peers`."""
