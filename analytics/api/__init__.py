"""API of analytics: serializers, filters, views."""
