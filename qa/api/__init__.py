"""API of qa: serializers, filters, views."""
