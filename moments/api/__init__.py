"""API of moments: serializers, filters, views."""
