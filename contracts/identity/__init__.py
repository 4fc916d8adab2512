"""Identity: where the code of a product leads, and the codes inside it that tell a piece from its copy."""
