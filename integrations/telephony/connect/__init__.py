"""Amazon Connect: the audio of Kinesis Video Streams, contact attributes by a Lambda function, contact events."""
