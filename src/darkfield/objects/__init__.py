"""From pixels to objects: erythrocytes as blobs that touch, spirochaetes as filaments that cross,
and the table of both.
"""
