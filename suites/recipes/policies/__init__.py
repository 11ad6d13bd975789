"""The locomotion robots' behaviour policies: training, selection, stored weights and rollouts."""
