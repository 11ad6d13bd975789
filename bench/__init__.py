"""The harness: what a run is, which components it needs, how they are trained, evaluated, tuned and timed."""
