"""Videos of episodes: played again as they were scored, drawn by MuJoCo or as a map, written as GIF or MP4."""
