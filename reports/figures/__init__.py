"""Figures: the marks of each as a table, drawn by matplotlib for print and by Vega-Lite in the page."""
