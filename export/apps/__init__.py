"""Exported models put into the web page and the Android app."""
