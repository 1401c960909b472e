"""Marks the root of polaris-llm, so that tools which resolve relative imports by path see one package; import `polaris_llm`."""
