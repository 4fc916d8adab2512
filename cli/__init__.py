"""Commands for people and scripts: the only floor that prints."""
