"""What every package stands on: the error that a user is told, and the writing of a file as a whole."""
