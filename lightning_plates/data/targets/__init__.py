"""Readers of what answers are measured on: one file a kind of label.

A kind exists because its file does; a task names the kind that it is measured on.
"""
