"""LLM agents as actors on a Ray cluster: the public names. Importing this never imports Ray."""

__all__: list[str] = []
