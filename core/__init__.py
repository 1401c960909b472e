"""Values, rules and wire formats; never imports Ray."""

if __name__ == "core":
    raise ImportError("import polaris_llm.core, not core: this folder is a room of the package polaris_llm")
