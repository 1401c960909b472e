"""Back ends that keep bytes: the only place that opens databases."""
