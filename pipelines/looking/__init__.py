"""Pages to look at: one file each, offline, made from the published warehouse alone."""
