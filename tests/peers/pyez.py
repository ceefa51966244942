"""Changes of switch ports by PyEZ, each with the calls that mistgate makes.

    pyez.py PORT USER KEY PUSHES PORTS SWITCHES

PUSHES changes of PORTS ports each, one after the other, or one on each of SWITCHES switches at
once. All switches are at 127.0.0.1. Prints a line of name=value pairs.
"""

import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from jnpr.junos import Device
from jnpr.junos.utils.config import Config

port, user, key = sys.argv[1:4]
pushes, ports, switches = map(int, sys.argv[4:])
lines = "\n".join(
    f"set interfaces ge-0/0/{n} native-vlan-id 42\n"
    f"set interfaces ge-0/0/{n} description AP\n"
    f"set interfaces ge-0/0/{n} unit 0 family ethernet-switching interface-mode trunk"
    for n in range(ports)
)


def push(_):
    began = time.monotonic()
    device = Device(
        "127.0.0.1", port=int(port), user=user, ssh_private_key_file=key,
        allow_agent=False, look_for_keys=False, ssh_config="/dev/null",
    )
    device.open()
    device.timeout = 120

    def look():
        device.rpc.get_interface_information(terse=True)
        device.rpc.get_lldp_neighbors_information()

    look()
    config = Config(device)
    config.lock()
    config.load(lines, format="set")
    assert config.diff()
    config.commit_check()
    config.commit(confirm=5, comment="mistgate")
    look()
    config.commit()
    config.unlock()
    device.close()
    return time.monotonic() - began


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


before, began = cpu(), time.monotonic()
if switches > 1:
    with ThreadPoolExecutor(switches) as pool:
        took = sorted(pool.map(push, range(switches)))
else:
    took = sorted(push(n) for n in range(pushes))
wall = time.monotonic() - began
print(
    f"wall_ms={wall * 1e3:.1f} cpu_us={(cpu() - before) * 1e6 / len(took):.1f}"
    f" rss_max_kib={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}"
    f" p50_ms={took[len(took) // 2] * 1e3:.1f} max_ms={took[-1] * 1e3:.1f}"
)
