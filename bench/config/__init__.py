"""What a run is: its settings, presets, their precedence and bounds, and experiments by name."""
