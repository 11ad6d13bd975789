"""The locomotion robots' behaviour policies: how they were trained and chosen, their weights, and an actor."""
