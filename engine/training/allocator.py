"""How the C library keeps freed memory: a training asks for the same sizes at every step."""

from __future__ import annotations

import ctypes
import platform

# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_NEVER = 2**31 - 1


def settings_for(library: str) -> dict[int, int]:
    """The options of `mallopt` for a C library, as `platform.libc_ver` names it.

    glibc gives large blocks back to the system at once, and each step fetches them anew, page by
    page. Kept, they cost no more than the peak that is reached anyway.
    """
    if library != "glibc":
        return {}
    return {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: _NEVER}


def keep_freed_memory() -> None:
    """Tell this process's allocator. To be called before anything large is allocated."""
    settings = settings_for(platform.libc_ver()[0])
    if settings:
        library = ctypes.CDLL(None)
        for option, value in settings.items():
            library.mallopt(option, value)
