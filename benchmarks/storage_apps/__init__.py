"""Two apps on Django in two versions each, whose requests the storage benchmark records."""
