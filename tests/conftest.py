"""No test reaches beyond this machine: data that are not there cannot be downloaded from anywhere."""

import os

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports the hub's library, which reads it once


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """D4RL's files are looked for on a port of this machine that nothing listens on."""
    monkeypatch.setenv("D4RL_URL", "http://127.0.0.1:9/")
