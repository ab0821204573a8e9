"""What tests share: builders, services, clients."""
