"""Draws states of a simulator by MuJoCo's renderer, without a screen."""

import contextlib
import copy
import importlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mujoco as untyped
import numpy as np

from bench.video.replay import Replay, State
from suites.top_view import TopView

mujoco: Any = untyped  # its compiled modules come without types

TOP, FREE, TRACK = "top", "free", "track"
GOAL_COLOUR = (0.95, 0.75, 0.1, 0.6)
GOAL_HEIGHT = 0.01  # metres
TARGET = "target"  # PointMaze's mark of a goal, which is not where the task's goal is


def list_cameras(model: Any, looks: Mapping[str, Any], view: TopView | None) -> tuple[str, ...]:
    """The cameras that can be named: the model's, `free`, and of a maze `top`; the first is the usual one.

    Args:
        model: MuJoCo's.
        looks: how the environment itself would look from `free`, see `Recorder.looks`.
        view: of a maze.
    """
    named = [model.camera(i).name for i in range(model.ncam)]
    first = [
        *([TOP] if view is not None else []),
        *([TRACK] if TRACK in named else []),
        *([FREE] if looks else []),
    ]
    return tuple(dict.fromkeys((*first, *filter(None, named), FREE)))


@contextlib.contextmanager
def use_backend(backend: str) -> Iterator[None]:
    """Let MuJoCo make its pictures by `egl`, `osmesa` or `glfw`, also where it was imported with another."""
    before = os.environ.get("MUJOCO_GL")
    os.environ["MUJOCO_GL"] = backend
    try:
        importlib.reload(importlib.import_module("mujoco.gl_context"))  # it reads the variable once
        yield
    finally:
        if before is None:
            del os.environ["MUJOCO_GL"]
        else:
            os.environ["MUJOCO_GL"] = before


def draw_scenes(
    played: Replay, states: Sequence[State], camera: str, size: tuple[int, int]
) -> Iterator[np.ndarray]:
    """A picture for each state, (height, width, 3) uint8; the simulation itself is not touched.

    Args:
        played: the episode, with a model of MuJoCo's; the goal of a maze is marked.
        states: some of it.
        camera: one of `list_cameras`.
        size: width and height in pixels.
    """
    view = played.view
    width, height = size
    model = copy.copy(played.model)
    model.vis.global_.offwidth, model.vis.global_.offheight = width, height
    data = mujoco.MjData(model)
    if view is not None:
        hide_target(model)
    looking = find_camera(model, camera, played, size)
    with mujoco.Renderer(model, height, width) as renderer:
        for state in states:
            data.qpos[:], data.mocap_pos[:], data.mocap_quat[:] = state.qpos, state.mocap_pos, state.mocap_quat
            mujoco.mj_forward(model, data)
            renderer.update_scene(data, camera=looking)
            if view is not None:
                mark_goal(renderer.scene, view, find_ground(model))
            yield renderer.render()


def find_camera(model: Any, camera: str, played: Replay, size: tuple[int, int]) -> Any:
    """What MuJoCo is to look through: a name of the model's, or a camera."""
    view = played.view
    if camera not in (TOP, FREE) or (camera == TOP and view is None):
        return camera
    found = mujoco.MjvCamera()
    mujoco.mjv_defaultFreeCamera(model, found)
    if camera == TOP and view is not None:
        low, high = view.walls[:, :2].min(axis=0), view.walls[:, 2:].max(axis=0)
        across, up = (high - low) / 2
        aspect, slope = size[0] / size[1], math.tan(math.radians(model.vis.global_.fovy) / 2)
        found.lookat[:] = (*((low + high) / 2), 0.0)
        found.distance = 1.1 * float(max(up, across / aspect)) / slope  # walls stand out towards the camera
        found.azimuth, found.elevation = 90.0, -90.0
        return found
    for name, value in played.looks.items():
        if isinstance(value, np.ndarray):
            getattr(found, name)[:] = value
        else:
            setattr(found, name, value)
    if "trackbodyid" in played.looks:
        found.type = mujoco.mjtCamera.mjCAMERA_TRACKING
    return found


def hide_target(model: Any) -> None:
    """Make a maze's own mark of a goal transparent."""
    for site in range(model.nsite):
        if model.site(site).name == TARGET:
            model.site_rgba[site, 3] = 0.0


def find_ground(model: Any) -> float:
    """The height of the model's first plane, 0 without one."""
    planes = np.flatnonzero(model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE))
    return float(model.geom_pos[planes[0], 2]) if len(planes) else 0.0


def mark_goal(scene: Any, view: TopView, ground: float) -> None:
    """Add a flat disc where the goal is reached, on the ground at that height."""
    mark = scene.geoms[scene.ngeom]
    size = np.array([view.radius, view.radius, GOAL_HEIGHT / 2])
    place = np.array([*view.goal, ground + GOAL_HEIGHT])
    colour = np.array(GOAL_COLOUR, np.float32)
    mujoco.mjv_initGeom(mark, mujoco.mjtGeom.mjGEOM_CYLINDER, size, place, np.eye(3).ravel(), colour)
    scene.ngeom += 1
