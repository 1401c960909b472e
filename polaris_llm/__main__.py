"""`python -m polaris_llm` is the command `polaris-llm`."""

from .cli import main

if __name__ == "__main__":
    main()
