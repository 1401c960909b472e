"""Plain classes that become actors, their handles, the engines and the runtime."""

if __name__ == "actors":
    raise ImportError("import polaris_llm.actors, not actors: this folder is a room of the package polaris_llm")
