"""Reports of regulators, the clearing house and exchanges: a small module per format."""
