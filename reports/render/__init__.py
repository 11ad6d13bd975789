"""Documents as Markdown, HTML, CSV and figures."""
