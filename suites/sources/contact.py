"""Whether a server can be reached is known within a few seconds, even where looking up its name hangs."""

import http.client
import threading
import urllib.error
import urllib.request

SECONDS = 2.0  # with the time that Python takes to start, an answer within 5 seconds


def unreachable(url: str, seconds: float = SECONDS) -> str | None:
    """Why no use can be made of a server now, in a few words; None if it answers.

    Any answer counts that does not tell of a fault of the server itself (5xx).

    Args:
        url: of something on it; only its headers are asked for.
        seconds: to wait at most, looking up the name included.
    """
    found = ["no answer"]

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=seconds):
                found[0] = ""
        except urllib.error.HTTPError as error:
            found[0] = f"it answers {error.code} {error.reason}" if error.code >= 500 else ""
            error.close()
        except (OSError, ValueError, http.client.HTTPException) as error:
            found[0] = str(getattr(error, "reason", error)) or type(error).__name__

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return found[0] or None
