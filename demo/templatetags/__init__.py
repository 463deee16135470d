"""Tags for the demo's templates."""
