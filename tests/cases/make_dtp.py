#!/usr/bin/env python3
"""Writes the reference case of difference target propagation beside it: a step worked out by NumPy in float64.

    python tests/cases/make_dtp.py        (needs numpy)

Nothing of the toolkit is used. Equations: Lee, Zhang, Fischer & Bengio 2015, Algorithm 1, without noise. A gradient of f is
that of ‖f(x) − target‖² / (2 STEP), summed over stimuli; a gradient of g is that of the mean of ‖g(f(x)) − x‖².
"""

import json
import pathlib
import struct

import numpy as np

BATCH, SIDE, SIZES, CLASSES, STEP = 5, 6, [36, 8, 7, 6], 3, 0.5


def write(file, tensors, case):
    """A safetensors file: the length of the header, the header, the values."""
    header, data = {"__metadata__": {"case": json.dumps(case, sort_keys=True)}}, b""
    for name, values in sorted(tensors.items()):
        kind = "I64" if values.dtype == np.int64 else "F32"
        raw = values.astype("<i8" if kind == "I64" else "<f4").tobytes()
        header[name] = {"dtype": kind, "shape": values.shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)


def tanh(a):
    return np.tanh(a), lambda z: 1 - z**2


def relu(a):
    return np.maximum(a, 0), lambda z: (z > 0) * 1.0


def linear(a):
    return a, lambda z: np.ones_like(z)


def run(x, weight, bias, rho):
    """The activity of dense neurons, and their slopes at it."""
    z, slope = rho(x @ weight.T + bias)
    return z, slope(z)


random = np.random.default_rng(5)
uniform = lambda *shape, bound=1.0: random.uniform(-bound, bound, shape).astype(np.float32).astype(np.float64)
x = random.standard_normal((BATCH, SIDE * SIDE)).astype(np.float32).astype(np.float64)
labels = np.array([0, 2, 1, 1, 0])
f = [(uniform(o, i, bound=2 * i**-0.5), uniform(o, bound=i**-0.5)) for i, o in zip(SIZES, SIZES[1:])]
g = [(uniform(i, o, bound=2 * o**-0.5), uniform(i, bound=o**-0.5)) for i, o in zip(SIZES, SIZES[1:])]
rho_f, rho_g = [tanh, tanh, relu], [None, tanh, linear]
readout, offset = uniform(CLASSES, SIZES[-1]), uniform(CLASSES)

h, slopes = [x], []
for (weight, bias), rho in zip(f, rho_f):
    z, slope = run(h[-1], weight, bias, rho)
    h.append(z)
    slopes.append(slope)
logits = h[-1] @ readout.T + offset
p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
loss = -np.log(p[np.arange(BATCH), labels]).mean()
error = (p - np.eye(CLASSES)[labels]) / BATCH

grads = {"module.0.readout.weight": error.T @ h[-1], "module.0.readout.bias": error.sum(0)}
target = h[-1] - STEP * error @ readout
names = ["layer.0.1", "layer.1.1", "layer.2"]
inverses = [None, "layer.1.inverse.1", "layer.2.inverse"]
parameters = {"module.0.readout.weight": readout, "module.0.readout.bias": offset}
for i in (2, 1, 0):
    miss = (h[i + 1] - target) / STEP * slopes[i]
    shape = (-1, 1, 1, SIDE, SIDE) if i == 0 else (-1, SIZES[i], 1, 1, 1)
    parameters[f"{names[i]}.weight"], parameters[f"{names[i]}.bias"] = f[i][0].reshape(shape), f[i][1]
    grads[f"{names[i]}.weight"], grads[f"{names[i]}.bias"] = (miss.T @ h[i]).reshape(shape), miss.sum(0)
    if i == 0:
        continue
    guess, slope = run(h[i + 1], *g[i], rho_g[i])
    miss = 2 / BATCH * (guess - h[i]) * slope
    shape = (-1, SIZES[i + 1], 1, 1, 1)
    parameters[f"{inverses[i]}.weight"], parameters[f"{inverses[i]}.bias"] = g[i][0].reshape(shape), g[i][1]
    grads[f"{inverses[i]}.weight"], grads[f"{inverses[i]}.bias"] = (miss.T @ h[i + 1]).reshape(shape), miss.sum(0)
    target = h[i] + run(target, *g[i], rho_g[i])[0] - guess

dense = lambda channels: {"type": "dense", "channels": channels, "relu": False}
block = lambda channels: {"type": "block", "layers": [dense(channels), {"type": "tanh"}]}
about = {
    "modality": "vision",
    "channels": 1,
    "patch": {"size": SIDE, "stride": SIDE},
    "rule": {"kind": "supervised"},
    "classes": CLASSES,
    "modules": [[0, 1, 2]],
    "layers": [
        {"op": "block", "layers": block(8)["layers"]},
        {"op": "dtp", "layer": block(7), "inverse": block(8), "noise": 0.0, "step": STEP},
        {"op": "dtp", "layer": {"type": "dense", "channels": 6}, "noise": 0.0, "step": STEP},
    ],
}
expect = {f"expect.{name}.grad": grad for name, grad in grads.items()}
expect["expect.module.0.loss"], expect["expect.module.0.representation"] = np.array([loss]), h[-1][None, None]
tensors = {"input": x.reshape(BATCH, 1, SIDE, SIDE), "labels": labels, **parameters, **expect}
write(pathlib.Path(__file__).with_name("dtp.safetensors"), tensors, about)
