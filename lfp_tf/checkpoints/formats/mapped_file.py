"""A file mapped into memory with an allowance: what its reader may build is bounded by its size."""

import mmap
import os
import pathlib

from lfp_tf.errors import LfpError, printable

# A hostile file may cost at most 16 times its size. Readers count what they build, roughly and
# never below the truth; the rest of the 16 is the mapping itself and short-lived buffers.
BYTES_PER_FILE_BYTE = 12
SMALL_FILE_BYTES = 1 << 20


class MappedFile:
    """A file's bytes as a read-only `view`, its allowance, and its way to say no.

    Args:
        path: the file.

    Raises:
        LfpError: the file is missing, no regular file, empty, or cannot be opened.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        if not os.path.exists(self.path):
            raise LfpError(f"{printable(path)} does not exist; check the path.")
        if not os.path.isfile(self.path):
            raise self.refusal("is not a file.")
        try:
            with open(self.path, "rb") as stream:
                self.size = stream.seek(0, 2)
                if not self.size:
                    raise self.refusal("is empty; copy or download it again.")
                # Not closed: views of it live on, and the last of them unmaps the file.
                self.view = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        except OSError as error:
            raise self.refusal(f"cannot be read ({error.strerror}).")
        # Bytes of the allowance not yet taken.
        self.left = self.size * BYTES_PER_FILE_BYTE + SMALL_FILE_BYTES

    def charge(self, num_bytes: int) -> None:
        """Takes bytes off the allowance before they are built; refuses the file beyond it."""
        self.left -= num_bytes
        if self.left < 0:
            raise self.refusal(
                f"would unpack to far more than its {self.size} bytes; it is damaged or hostile."
            )

    def refusal(self, text: str) -> LfpError:
        """Makes the error to raise: one sentence that names the file; `text` is its rest."""
        return LfpError(f"{printable(self.path)} {text}")

    def damage(self, how: str) -> LfpError:
        """Makes the error to raise where the file is damaged; `how` says how that shows."""
        return self.refusal(f"is damaged: {how}; copy or download it again.")
