"""A maze from above is the one that MuJoCo has: its walls are the model's boxes, its goal the environment's."""

import numpy as np
import pytest
from control_tasks import control_tasks, simulator

TASKS = {**control_tasks("maze2d"), **control_tasks("antmaze")}


@pytest.mark.parametrize("name", ["maze2d-umaze", "maze2d-large", "antmaze-medium-play"])
def test_walls_are_the_boxes_of_the_model(name):
    task = TASKS[name]
    environment = task.make_environment()
    environment.reset(seed=3)
    assert task.top_view is not None
    view, model = task.top_view(environment), simulator(environment).model
    walls = [i for i in range(model.ngeom) if model.geom(i).name.startswith(("block_", "wall_"))]
    low, high = (model.geom_pos[walls, :2] + sign * model.geom_size[walls, :2] for sign in (-1, 1))
    boxes = {tuple(edges) for edges in np.hstack([low, high]).round(6).tolist()}
    assert {tuple(edges) for edges in view.walls.round(6).tolist()} == boxes
    assert len(view.walls) == len(walls) > 0
    assert view.goal == pytest.approx(tuple(simulator(environment).goal))
    assert view.radius == 0.5


def test_the_goal_is_that_of_the_last_reset():
    task = TASKS["antmaze-umaze"]
    environment = task.make_environment()
    goals = []
    assert task.top_view is not None
    for seed in (0, 1):
        environment.reset(seed=seed)
        assert task.top_view is not None
        goals.append(task.top_view(environment).goal)
    assert goals[0] != goals[1]


def test_other_tasks_have_none():
    assert control_tasks("locomotion")["hopper-medium-v2"].top_view is None
