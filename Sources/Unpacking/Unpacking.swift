// Unpacking: see docs/architecture.md.
