"""What users write with: workflows, services, clients."""
