"""Reports: tables, figures and intervals, made from result files alone (torch is never imported here)."""
