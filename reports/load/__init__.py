"""Result files, read and checked."""
