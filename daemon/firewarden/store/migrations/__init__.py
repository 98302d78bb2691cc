"""How the tables came to be what they are: one script for each change, run by Alembic."""
