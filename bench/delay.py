"""A proxy that makes the way longer: `python -m bench.delay PORT TO MILLISECONDS` adds that to each round trip."""

import asyncio
import contextlib
import sys


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Every octet leaves as long after it came as a way in one direction takes; order and flow stay."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ConnectionError):
        while octets := await reader.read(1 << 18):
            loop.call_later(seconds, _pass_on, writer, octets)
        await asyncio.sleep(seconds)
        writer.close()


def _pass_on(writer: asyncio.StreamWriter, octets: bytes) -> None:
    if not writer.is_closing():
        writer.write(octets)


async def serve(port: int, to: int, milliseconds: float) -> None:
    one_way = milliseconds / 2000

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(_carry(reader, there[1], one_way), _carry(there[0], writer, one_way))

    async with await asyncio.start_server(joined, "127.0.0.1", port, limit=1 << 20) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
