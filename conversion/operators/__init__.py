"""Operator tables: what each format did with every operator."""
