"""Masks from the files of annotation programs: one module per program, which all yield drawings."""
