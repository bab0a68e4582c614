"""Who this process is to Azure, and the secrets that a vault keeps for it."""
