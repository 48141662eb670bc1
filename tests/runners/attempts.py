"""What a hostile job tries, all in one: a program of its own for inside, which prints what came of each as JSON.

Each attempt returns what it got; an OSError that it met is told by its name. What it needs to know of the host is in
its environment.
"""

import ctypes
import errno
import json
import os
import socket
import struct

ATTEMPTS = {}
libc = ctypes.CDLL(None, use_errno=True)


def attempt(function):
    ATTEMPTS[function.__name__] = function
    return function


def call(name, *arguments):
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)
    return "succeeded"


def raw_call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), "syscall")
    return result


@attempt
def read_shadow():
    return open("/etc/shadow").read()


@attempt
def read_data_directory():
    return os.listdir(os.environ["HOST_DATA"])


@attempt
def list_home_of_root():
    return os.listdir("/root")


@attempt
def list_run():
    return os.listdir("/run")


@attempt
def read_host_process():
    return open(f"/proc/{os.environ['HOST_PROCESS']}/environ").read()


@attempt
def count_processes():
    return len([name for name in os.listdir("/proc") if name.isdigit()])


@attempt
def read_first_process():
    with open("/proc/1/environ") as file:
        environment = file.read()
    assert "HOST_" not in environment
    return environment


@attempt
def read_kernel_memory():
    return open("/proc/kcore", "rb").read(1)


@attempt
def write_sysctl():
    return open("/proc/sys/kernel/core_pattern", "w").write("|/bin/true")


@attempt
def trigger_sysrq():
    return open("/proc/sysrq-trigger", "w").write("s")


@attempt
def write_everywhere():
    written = []
    for directory in ("/", "/usr", "/usr/bin", "/etc", "/dev", "/var", "/proc", "/lib", "/home", "/granted"):
        try:
            with open(f"{directory}/written", "w") as file:
                file.write("x")
            written.append(directory)
        except OSError:
            continue
    for path in ("/etc/passwd", "/usr/bin/env", "/granted/file"):
        try:
            open(path, "a").close()
            written.append(path)
        except OSError:
            continue
    return written


@attempt
def remount_root():
    return call("mount", None, b"/", None, 32, None)


@attempt
def make_device():
    os.mknod("/tmp/disk", 0o60660, os.makedev(8, 0))


@attempt
def connect_to_host_loopback():
    socket.create_connection(("127.0.0.1", int(os.environ["HOST_PORT"])), 5)


@attempt
def connect_to_host_address():
    socket.create_connection((os.environ["HOST_ADDRESS"], int(os.environ["HOST_PORT"])), 5)


@attempt
def connect_to_the_world():
    socket.create_connection(("192.0.2.1", 80), 5)


@attempt
def send_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for address in ("127.0.0.1", os.environ["HOST_ADDRESS"]):
            sender.sendto(b"out", (address, int(os.environ["HOST_PORT"])))


@attempt
def connect_to_abstract_socket():
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + os.environ["HOST_ABSTRACT"])


@attempt
def connect_to_host_socket():
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.environ["HOST_SOCKET"])


@attempt
def open_raw_socket():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@attempt
def open_packet_socket():
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


@attempt
def open_virtual_machine_socket():
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)


@attempt
def reach_what_was_granted():
    host, port = os.environ["GRANTED"].split(":")
    with socket.create_connection((host, int(port)), 5):
        return "connected"


@attempt
def make_user_namespace():
    return call("unshare", 0x10000000)


@attempt
def make_network_namespace():
    return call("unshare", 0x40000000)


@attempt
def clone_into_user_namespace():
    return raw_call(56, 0x10000000 | 17, 0, 0, 0, 0)


@attempt
def kill_host_process():
    os.kill(int(os.environ["HOST_PROCESS"]), 0)


@attempt
def trace_host_process():
    return call("ptrace", 16, int(os.environ["HOST_PROCESS"]), 0, 0)


@attempt
def trace_first_process():
    return call("ptrace", 16, 1, 0, 0)


@attempt
def become_root():
    os.setuid(0)


@attempt
def change_host_name():
    socket.sethostname("other")


@attempt
def set_the_clock():
    return call("settimeofday", struct.pack("qq", 0, 0), None)


@attempt
def load_program_into_kernel():
    return raw_call(321, 0, bytes(128), 128)


@attempt
def use_kernel_keyring():
    return raw_call(248, b"user", b"name", b"secret", 6, -4)


@attempt
def set_up_io_uring():
    return raw_call(425, 4, ctypes.create_string_buffer(120))


@attempt
def raise_own_limits():
    return call("setrlimit", 6, struct.pack("QQ", 2**64 - 1, 2**64 - 1))  # RLIMIT_NPROC


@attempt
def raise_own_priority():
    os.setpriority(os.PRIO_PROCESS, 0, -10)


@attempt
def list_descriptors():
    return [name for name in os.listdir("/proc/self/fd") if int(name) > 2]


@attempt
def list_capabilities():
    with open("/proc/self/status") as status:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
    return {name: lines[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")}


@attempt
def list_environment():
    with open("/proc/self/environ") as environment:
        return sorted(entry.partition("=")[0] for entry in environment.read().split("\0") if entry)


@attempt
def fill_temporary_files():
    written = 0
    for number, directory in enumerate(("/tmp", "/var/tmp", "/dev/shm")):
        try:
            with open(f"{directory}/full-{number}", "wb", 0) as file:
                while True:
                    written += file.write(bytes(1 << 20))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    for number, directory in enumerate(("/tmp", "/tmp", "/dev/shm")):
        os.unlink(f"{directory}/full-{number}")
    return written


def outcome(function):
    try:
        return function()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


if __name__ == "__main__":
    print(json.dumps({name: outcome(function) for name, function in ATTEMPTS.items()}))
