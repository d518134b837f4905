"""The authors' files: PyTorch's formats, names and layouts of parameters."""
