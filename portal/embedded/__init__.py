"""Real PostgreSQL, Valkey and S3 servers from wheels, run as children on loopback. Knows no Django."""
