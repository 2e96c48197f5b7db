"""The contents of files: blobs in a folder, or in a bucket of S3, GCS or Azure."""

from hub.files.blobs import Blobs, Written, open_blobs
from hub.files.place import Blob, Place

__all__ = ["Blob", "Blobs", "Place", "Written", "open_blobs"]
