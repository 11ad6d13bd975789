"""The command line: options, arguments, and what each command prints."""
