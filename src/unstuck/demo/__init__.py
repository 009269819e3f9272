"""A synthetic after-sales desk and the tour through it."""
