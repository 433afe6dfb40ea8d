// Execution: see docs/architecture.md.
