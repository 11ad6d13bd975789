"""Draws states of a simulator by MuJoCo's renderer, without a screen."""

import contextlib
import copy
import importlib
import math
import os
from collections.abc import Iterator, Sequence
from typing import Any

import mujoco as untyped
import numpy as np

from bench.video.replay import State
from suites.top_view import TopView

mujoco: Any = untyped  # its compiled modules come without types

TOP, FREE, TRACK = "top", "free", "track"
GOAL_COLOUR = (0.95, 0.75, 0.1, 0.6)
GOAL_HEIGHT = 0.01  # metres
TARGET = "target"  # PointMaze's mark of a goal, which is not where the task's goal is


def list_cameras(model: Any, view: TopView | None) -> tuple[str, ...]:
    """The cameras that can be named: the model's, `free`, and of a maze `top`; the first is the usual one."""
    own = [model.camera(i).name for i in range(model.ncam)]
    own = sorted((name for name in own if name), key=lambda name: name != TRACK)
    return (*([TOP] if view is not None else []), *own, FREE)


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
    model: Any, states: Sequence[State], camera: str, view: TopView | None, size: tuple[int, int]
) -> Iterator[np.ndarray]:
    """A picture for each state, (height, width, 3) uint8; the simulation itself is not touched.

    Args:
        model: MuJoCo's.
        states: with qpos.
        camera: one of `list_cameras`.
        view: of a maze, whose goal is marked.
        size: width and height in pixels.
    """
    width, height = size
    model = copy.copy(model)
    model.vis.global_.offwidth, model.vis.global_.offheight = width, height
    data = mujoco.MjData(model)
    if view is not None:
        hide_target(model)
    looking = find_camera(model, camera, view, size)
    with mujoco.Renderer(model, height, width) as renderer:
        for state in states:
            data.qpos[:], data.mocap_pos[:], data.mocap_quat[:] = state.qpos, state.mocap_pos, state.mocap_quat
            mujoco.mj_forward(model, data)
            renderer.update_scene(data, camera=looking)
            if view is not None:
                mark_goal(renderer.scene, view, find_ground(model))
            yield renderer.render()


def find_camera(model: Any, camera: str, view: TopView | None, size: tuple[int, int]) -> Any:
    """What MuJoCo is to look through: a name of the model's, or a camera."""
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
