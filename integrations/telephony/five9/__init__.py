"""Five9: a call's voice by gRPC, a stream for each leg."""
