// Hosts: see docs/architecture.md.
