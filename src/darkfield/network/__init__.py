"""The networks: their layers and their building from params, training on one device or several that
a kill cannot spoil, and prediction with what was trained.
"""
