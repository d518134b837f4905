"""The web page and the Android app, with an exported model inside."""
