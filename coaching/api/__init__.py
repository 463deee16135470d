"""API of coaching: serializers, filters, views."""
