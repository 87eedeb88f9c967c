"""`vitrine doctor`: looks at the machine, the settings and the bundles as `vitrine serve` would."""
