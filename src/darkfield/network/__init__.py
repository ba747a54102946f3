"""The networks: their layers, training on one device or several that survives being killed, and
prediction.
"""
