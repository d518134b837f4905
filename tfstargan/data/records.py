"""The old name of `tfstargan pack`; it will be removed in version 0.3."""

import sys

if __name__ == "__main__":
    print("error: tfstargan.data.records is now `tfstargan pack`", file=sys.stderr)
    sys.exit(2)
