"""What happens around a fit: run folder, records, tables and pictures."""
