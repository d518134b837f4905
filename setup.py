"""Metadata of the package; the tools' settings are in pyproject.toml."""

import pathlib

from setuptools import find_packages, setup

TENSORFLOW = ">=2.21,<2.22"

setup(
    name="tfstargan",
    version="0.1.0",
    description="StarGAN v2 in TensorFlow and Keras 3, from training to the phone",
    long_description=pathlib.Path(__file__).with_name("README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["tfstargan*", "export*"]),
    package_data={"tfstargan": ["py.typed", "metrics/lpips_alex.*"]},
    python_requires=">=3.11,<3.14",
    install_requires=[
        "absl-py>=2.1",
        "ai-edge-litert>=2.1,<3",
        "filelock>=3.20",
        "flatbuffers>=25",
        "h5py>=3.12",
        "keras>=3.15,<4",
        "numpy>=2,<3",
        "pillow>=11",
        "tensorboard>=2.19,<3",
        "tqdm>=4.66,<5",
    ],
    extras_require={
        # One of these two is needed; both own the module `tensorflow`.
        "cpu": [
            f"tensorflow-cpu{TENSORFLOW} ; platform_machine in 'x86_64 AMD64'",
            f"tensorflow{TENSORFLOW} ; platform_machine not in 'x86_64 AMD64'",
        ],
        "gpu": [f"tensorflow[and-cuda]{TENSORFLOW}"],
        "beam": ["apache-beam>=2.77,<3"],
        "tfds": ["tensorflow-datasets>=4.9.9,<5"],
        "video": ["av>=15"],
        "quantize": ["litert-quantizer>=0.11,<0.12"],
        "onnx": ["onnxruntime>=1.24", "tf2onnx>=1.17"],
        "dev": [
            "hypothesis>=6.140",
            "matplotlib>=3.10",
            "mypy>=1.18",
            "pip-audit>=2.9",
            "playwright==1.65.2",
            "pytest>=9",
            "pytest-xdist>=3.8",
            "ruff>=0.14",
        ],
    },
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Processing",
    ],
)
