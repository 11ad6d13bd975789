"""The command line, thin: options, arguments, and what each command prints."""
