"""From a run to files for serving, phones and browsers."""

import tfstargan  # noqa: F401 - sets TensorFlow's environment, so before TensorFlow
