"""The report's page: one HTML file with its style, its script, its data and its charts, which needs no network."""
