"""API of knowledge: serializers, filters, views."""
