"""How each actor is built in its own process, one file each, so that no process imports what only another needs."""
