"""A company's own documents, cut into passages that can be found and cited."""
