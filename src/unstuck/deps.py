"""Everything is built here, once, at the edge. Nothing connects or loads a model at import."""
