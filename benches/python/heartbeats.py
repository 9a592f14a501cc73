"""The heartbeat experiment on asyncio, step by step as the Rust program does it elsewhere.

Read from standard input by python3. Prints when each heart ran, and what the process needed.
Arguments: hearts, beat, span, look, onset, holders, hold, computes; times in nanoseconds.
"""

import asyncio
import os
import platform
import resource
import sys
import threading
import time

HEARTS, BEAT, SPAN, LOOK, ONSET, HOLDERS, HOLD, COMPUTES = map(int, sys.argv[1:])

# How often the process is looked at.
EVERY = 0.01

origin = 0


def now():
    return time.monotonic_ns() - origin


async def heart(ran):
    """Runs at every beat until no more is due, and tells when it ran."""
    woke = now()
    due = woke + BEAT
    ran.append(woke)
    while due <= SPAN:
        while woke < due:
            # More than once only if asyncio is early: it may be, by the grain of its clock.
            await asyncio.sleep(max(0, due - now()) / 1e9)
            woke = now()
        ran.append(woke)
        # Beats that it missed are behind it then.
        while due <= woke:
            due += BEAT


async def hold():
    """Holds the only thread: asleep, or computing."""
    if not COMPUTES:
        time.sleep(HOLD / 1e9)
        return
    until = now() + HOLD
    while now() < until:
        pass


def threads():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("Threads:"):
                return int(line.split()[1])
    return 0


def used(who):
    usage = resource.getrusage(who)
    return usage.ru_nvcsw + usage.ru_nivcsw


def look(hearts, started):
    """Looks at the process, on a thread of its own, until it is time to tell and to end."""
    cpu = time.process_time_ns()
    switches = used(resource.RUSAGE_SELF)
    own_cpu = time.thread_time_ns()
    own_switches = used(resource.RUSAGE_THREAD)
    most = threads()
    started.set()
    while now() < LOOK:
        time.sleep(min(EVERY, max(0, LOOK - now()) / 1e9))
        most = max(most, threads())
    ran = [list(heart) for heart in hearts]
    cpu = time.process_time_ns() - cpu - (time.thread_time_ns() - own_cpu)
    own_switches = used(resource.RUSAGE_THREAD) - own_switches
    switches = used(resource.RUSAGE_SELF) - switches - own_switches
    for heart in ran:
        print("heart", *heart)
    # The thread that looks is left out.
    print(f"needed threads={most - 1} cpu_ns={max(0, cpu)} switches={max(0, switches)}")
    print("version Python", platform.python_version(), flush=True)
    # Whoever holds the loop isn't waited for.
    os._exit(0)


async def main():
    global origin
    hearts = [[] for _ in range(HEARTS)]
    started = threading.Event()
    origin = time.monotonic_ns() - 1
    threading.Thread(target=look, args=(hearts, started), daemon=True).start()
    started.wait()
    origin = time.monotonic_ns() - 1
    tasks = [asyncio.create_task(heart(ran)) for ran in hearts]
    await asyncio.sleep(ONSET / 1e9)
    tasks += [asyncio.create_task(hold()) for _ in range(HOLDERS)]
    await asyncio.gather(*tasks)
    # The look ends the process.
    await asyncio.sleep(3600)


asyncio.run(main())
