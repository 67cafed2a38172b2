"""Small networks: drawing them, training them, keeping them. PyTorch lives here."""
