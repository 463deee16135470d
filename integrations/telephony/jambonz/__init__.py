"""jambonz's `listen`: SIPREC and any SIP trunk by way of a jambonz server."""
