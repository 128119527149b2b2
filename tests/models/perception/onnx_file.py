"""A minimal ONNX file, written by hand (protocol buffers, onnx.proto3): no package for it is needed."""

import struct


def brightness_network() -> bytes:
    """A network of 1 x 1 convolutions, (1, 3, 320, 320) -> (1, 1, 320, 320), with two outputs as U2-Net has seven.

    The first output is the mean of the channels, the second its negative.
    """
    tensors = [_tensor(name, (1, 3, 1, 1), [value] * 3) for name, value in (("mean", 1 / 3), ("negative", -1 / 3))]
    nodes = [_node("Conv", ["picture", weights], [name]) for weights, name in (("mean", "finest"), ("negative", "coarser"))]
    outputs = [_block(12, _value(name, (1, 1, 320, 320))) for name in ("finest", "coarser")]
    inputs = [_block(11, _value("picture", (1, 3, 320, 320)))]
    graph = b"".join([*(_block(1, node) for node in nodes), _text(2, "graph"), *(_block(5, tensor) for tensor in tensors), *inputs, *outputs])
    return _number(1, 7) + _block(7, graph) + _block(8, _number(2, 11))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _number(place: int, value: int) -> bytes:
    return _varint(place << 3) + _varint(value)


def _block(place: int, body: bytes) -> bytes:
    return _varint(place << 3 | 2) + _varint(len(body)) + body


def _text(place: int, text: str) -> bytes:
    return _block(place, text.encode())


def _node(kind: str, inputs: list[str], outputs: list[str]) -> bytes:
    return b"".join([*(_text(1, name) for name in inputs), *(_text(2, name) for name in outputs), _text(3, outputs[0]), _text(4, kind)])


def _tensor(name: str, shape: tuple[int, ...], values: list[float]) -> bytes:
    sizes = b"".join(_number(1, side) for side in shape)
    return sizes + _number(2, 1) + _text(8, name) + _block(9, struct.pack(f"<{len(values)}f", *values))


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    sides = b"".join(_block(1, _number(1, side)) for side in shape)
    return _text(1, name) + _block(2, _block(1, _number(1, 1) + _block(2, sides)))
