"""From a run to files for serving, phones and browsers."""
