"""Every day's operation: what each source owes, what came of it, collecting, filling gaps, keeping it running."""
