"""Exporting a run to files for servers, phones and browsers."""
