"""Never becomes an application."""

import threading

print("importing")
threading.Event().wait()
