# Types inferred from the code of Keras 2 are wrong where an argument may be a name or an object.
from typing import Any

def __getattr__(name: str) -> Any: ...
