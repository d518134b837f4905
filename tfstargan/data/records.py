"""The name before version 0.2 of `tfstargan pack`; it goes in version 0.3."""

import sys

if __name__ == "__main__":
    print("error: tfstargan.data.records is now `tfstargan pack`", file=sys.stderr)
    sys.exit(2)
