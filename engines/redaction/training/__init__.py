"""Training of the sequence model: labelled texts in, a model file out. Not part of the running product."""
