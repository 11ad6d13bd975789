"""What every method is made of: the method's type, registry, policy, selections and guidance networks."""
