"""What people look at: curves, overlays, the worst test images, the report of a run, and the labels
of new pictures.
"""
