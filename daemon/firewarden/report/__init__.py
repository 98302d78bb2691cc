"""Turns what is known into what is read: tables, JSON, CSV, one page of HTML."""
