"""API of conversations: serializers, filters, views."""
