"""The web process: CherryPy in front, the bridge to the actors behind, the read model between."""
