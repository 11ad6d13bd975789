"""Files in exactly the layouts in which D4RL published its groups, small and with hand-made numbers."""

import h5py
import numpy as np

# group: (keys as stored, observations, actions). Types and extra entries as in the original files.
SIZES = {"locomotion": (11, 3), "antmaze": (29, 8), "kitchen": (60, 9), "pen": (45, 24), "maze2d": (4, 2)}


def columns(group, rows=12, seed=0):
    """Arrays of `rows` rows: an episode cut after row 4, one that terminates in row 8, and a rest without end."""
    generator = np.random.default_rng(seed)
    width, actions = SIZES[group]
    made = {
        "observations": generator.normal(size=(rows, width)).astype(np.float32),
        "actions": generator.uniform(-1, 1, (rows, actions)).astype(np.float32),
        "rewards": np.arange(rows, dtype=np.float32),
        "terminals": np.arange(rows) == 8,
        "timeouts": np.arange(rows) == 4,
    }
    if group == "antmaze":  # positions that an ant can walk, so that only flags end episodes
        made["observations"][:, :2] = np.linspace(0, 0.5, rows)[:, None]
    if group == "maze2d":
        made["terminals"] = np.zeros(rows, bool)
    if group == "locomotion":  # version 2 stores the next observation, also where the episode was cut
        following = np.concatenate([made["observations"][1:], generator.normal(size=(1, width))])
        following[4:9:4] = generator.normal(size=following[4:9:4].shape)
        made["next_observations"] = following.astype(np.float32)
    return made


def write(path, group, arrays):
    """Write the columns with the group's own extra entries, compressed as D4RL does."""
    rows = len(arrays["observations"])
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip")
        if group == "locomotion":
            file["infos/action_log_probs"] = np.zeros(rows, np.float32)
            file["infos/qpos"] = np.zeros((rows, 6))
            file["infos/qvel"] = np.zeros((rows, 6))
            file["metadata/algorithm"] = np.bytes_("SAC")
            file["metadata/iteration"] = 100
            file["metadata/policy/fc0/weight"] = np.zeros((4, 4), np.float32)
        elif group == "antmaze":
            file["infos/goal"] = np.zeros((rows, 2), np.float32)
            file["infos/qpos"] = np.zeros((rows, 15), np.float32)
            file["infos/qvel"] = np.zeros((rows, 14), np.float32)
        elif group == "pen":
            file["infos/env_state"] = np.zeros((rows, 7))
        elif group == "maze2d":
            file["infos/goal"] = np.zeros((rows, 2))
            file["infos/qpos"] = np.zeros((rows, 2))
            file["infos/qvel"] = np.zeros((rows, 2))
    return path
