"""Peers: their listener, the client that talks to them, and catching up."""
