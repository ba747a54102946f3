"""What people look at: curves, overlays, the gallery of the worst, the page of a run, and the
labels of new pictures.
"""
