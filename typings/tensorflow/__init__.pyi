# The checker carries stubs of an old TensorFlow that know neither its eager tensors nor half of its
# names; TensorFlow itself has no types. So everything in it is of any type.
from typing import Any

def __getattr__(name: str) -> Any: ...
