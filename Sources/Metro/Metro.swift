// Metro: see docs/architecture.md.
