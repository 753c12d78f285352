"""What the demo and the comparison share: throw-away servers, sluice, load, terminal pictures."""
