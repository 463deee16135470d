"""Pages of knowledge; they translate and nothing else."""
