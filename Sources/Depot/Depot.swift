// Depot: see docs/architecture.md.
