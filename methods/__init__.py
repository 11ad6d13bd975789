"""The methods: each is an objective x a guidance x a selection over one diffusion backbone and one critic."""
