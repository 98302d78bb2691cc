"""Pages and metrics of the provider become one dated fleet and one scrape, and are folded."""
