"""The old name of `tfstargan check`; it will be removed in version 0.3."""

import sys

if __name__ == "__main__":
    print("error: tfstargan.data.check is now `tfstargan check`", file=sys.stderr)
    sys.exit(2)
