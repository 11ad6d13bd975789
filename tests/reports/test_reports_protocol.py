"""A report says whether the results are what protocol `fair` asks for, as the results have it."""

import pytest
from synthetic_results import control

from reports.analysis.protocol import FAIR, list_shortfalls
from reports.load.scores import load_scores
from reports.sections.protocol import describe_protocol

EPISODES = [{"return": 1.0, "length": 3, "seed": 0, "normalized": 40.0}] * 50
TUNED = {"tunable": ["rho"], "rho": 5.0, "rho_source": "tuned"}


def tuned_with(trials, trial_episodes=20):
    return {**TUNED, "tuning": {"episodes": 480, "trials": trials, "trial_episodes": trial_episodes}}


def said_of(folder, methods, seeds=10, episodes=EPISODES):
    for method, changes in methods.items():
        for seed in range(seeds):
            folder.add(control("a", method, seed, 40.0, episodes=episodes, **changes))
    (scores,) = load_scores(folder.path)
    return list_shortfalls(scores, FAIR), describe_protocol(scores).text


def test_results_that_have_all_of_it(folder):
    lacking, said = said_of(folder, {"unguided": {}, "swg": tuned_with(12), "cep": tuned_with(12)})
    assert lacking == ()
    asked = (
        "(10 seeds, 50 episodes, and for every method with something to tune the same number of trials, 12 or "
        "more of 20 episodes a seed)"
    )
    assert said.endswith(f"{asked}: by what they say of themselves these results have all of it.")


@pytest.mark.parametrize(
    ("methods", "kept", "lacking"),
    [
        ({"unguided": {}}, {"seeds": 9}, "9 of 10 seeds"),
        ({"unguided": {}}, {"episodes": EPISODES[:49]}, "49 of 50 episodes"),
        ({"swg": {**TUNED, "rho_source": "default"}, "cep": tuned_with(12)}, {}, "not tuned: swg"),
        ({"swg": tuned_with(11), "cep": tuned_with(12)}, {}, "tuned too little: swg with 11 of 12 trials"),
        (
            {"swg": tuned_with(12, 5), "cep": tuned_with(12)},
            {},
            "tuned on too few episodes: swg with 5 of 20 of a seed in a trial",
        ),
        ({"swg": tuned_with(24), "cep": tuned_with(12)}, {}, "different numbers of trials: cep 12, swg 24"),
    ],
)
def test_what_is_lacking_is_named(folder, methods, kept, lacking):
    found, said = said_of(folder, methods, **kept)
    assert found == (lacking,)
    assert said.endswith(f"not held: {lacking}.")
