"""What runs workflows, services and tags."""
