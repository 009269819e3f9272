"""A columnar copy of the history that questions are answered from."""
