"""The one diffusion backbone: schedule, network, denoiser, guidance, sampler."""
