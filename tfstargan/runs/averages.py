"""The averaged networks of a checkpoint, without the rest of it."""

from tfstargan.backend import keras


class Averages(keras.Model):
    """Some networks of a `StarGANv2`, at their places in a checkpoint.

    Args:
        networks: named as in `StarGANv2.averages`; `fan` and `discriminator`, which
            have no averages, may be among them.
    """

    def __init__(self, networks: dict[str, keras.Model]):
        super().__init__()
        averages = dict(networks)
        self.fan = averages.pop("fan", None)
        self.discriminator = averages.pop("discriminator", None)
        self.averages = averages
        self.built = True

    def load_own_variables(self, store: dict) -> None:
        """Skip the iteration and the optimizers."""
