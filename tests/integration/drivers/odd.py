"""A driver program that does what the message says, good or bad: each word of it is obeyed in turn.

It writes its requests to the file that its first argument names.
"""

import base64
import binascii
import os
import signal
import sys
import time
import zlib


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def decoded(word: str) -> str:
    try:
        data = base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        return word
    try:
        return zlib.decompress(data).decode()
    except zlib.error:
        return data.decode(errors="replace")


def obey(action: str, number: str, wish: str, stamp: str) -> None:
    """Do one thing, or answer."""
    name, _, value = wish.partition("=")
    if name == "die":
        os._exit(3)
    elif name == "die_once":
        if not os.path.exists(value):  # noqa: PTH110 (a program that starts fast)
            open(value, "w").close()  # noqa: PTH123
            os._exit(3)
    elif name == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif name == "wait":
        time.sleep(float(value))
    elif name == "close":
        os.close(1)
        time.sleep(30)
    elif name == "garbage":
        sys.stdout.buffer.write(
            b"\xff\x00 \n\n" + bytes(range(32)) + b"\nDEPLOY\nDEPLOY SUCCESS\n" + b"x" * 100000 + b"\n"
        )
        sys.stdout.flush()
    elif name == "half":
        sys.stdout.write(f"{action} SUCCESS {number} ha")
        sys.stdout.flush()
        os._exit(0)
    elif name == "long":
        sys.stdout.write("y" * int(value))
        sys.stdout.flush()
    elif name == "stranger":
        say(f"{action} SUCCESS 4711 x")
        say(f"NOTHING SUCCESS {number} x")
    elif name == "log":
        say(f"LOG E {number} {stamp}a line of the driver")
        sys.stderr.write("a complaint\n")
        sys.stderr.flush()
    elif name in {"ok", "fail", "maybe"}:
        status = {"ok": "SUCCESS", "fail": "FAILURE"}.get(name, "MAYBE")
        say(f"{action} {status} {number} {stamp}{value}")


def main() -> None:
    journal = open(sys.argv[1], "a", buffering=1)  # noqa: PTH123, SIM115 (as long as the program)
    if "no-init" in sys.argv:
        time.sleep(60)
    for line in sys.stdin:
        words = line.split()
        journal.write(f"{' '.join(words)}\n")
        if words[0] == "INIT":
            say("LOG I 0 hello")
            say("INIT FAILURE" if "bad-init" in sys.argv else "INIT SUCCESS")
        elif words[0] == "FINALIZE":
            if "stubborn" not in sys.argv:
                return
        elif words[0] != "DRIVER_CANCEL":
            stamp = "1700000000 " if words[1] == "-" else ""
            number = words[2] if stamp else words[1]
            for wish in decoded(words[-1]).split():
                obey(words[0], number, wish, stamp)
    if "stubborn" in sys.argv:
        time.sleep(60)


main()
