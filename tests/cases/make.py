#!/usr/bin/env python3
"""Writes the reference cases beside it: small networks with gradients worked out by PyTorch in float64.

    python tests/cases/make.py        (needs torch and safetensors)

Nothing of the toolkit is used. `plasticity verify --reference FILE` runs the network of a file and compares; the form of the
files is in the book (File formats, Reference cases). Losses: Illing et al. 2021, Equations 2 to 7 and 16 to 19.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

BATCH, SIDE, PATCH, STRIDE, STEPS, SKIP = 4, 20, 8, 4, 2, 0
LAYERS = [
    {"op": "conv2d", "in": 1, "out": 3, "kernel": 3, "padding": 1},
    {"op": "conv2d", "in": 3, "out": 4, "kernel": 3, "padding": 1, "max_pool": {"size": 2, "stride": 2}},
    {"op": "conv2d", "in": 4, "out": 5, "kernel": 3, "padding": 1},
]


def patches(images):
    """[time, location, batch, 1, PATCH, PATCH]: time is the row of the grid, location the column."""
    cut = images.unfold(2, PATCH, STRIDE).unfold(3, PATCH, STRIDE)
    return cut.permute(2, 3, 0, 1, 4, 5)


def layer(x, spec, weight, bias):
    x = F.relu(F.conv2d(x, weight, bias, padding=spec["padding"]))
    pool = spec.get("max_pool")
    return F.max_pool2d(x, pool["size"], pool["stride"]) if pool else x


def loss_of_pairs(u, rule, signs):
    """u [rows, 1 + n]: a fixation and n saccades each; `signs` [rows] where learning is local in time."""
    if rule["contrast"] == "softmax":
        return -F.log_softmax(u, 1)[:, 0].mean()
    fixation, saccade = F.relu(1 - u[:, 0]), F.relu(1 + u[:, 1:])
    if signs is None:
        return fixation.mean() + saccade.mean()
    return fixation[signs > 0].mean() + saccade[signs < 0].mean()


def path_loss(path, z, c, rule, own, drawn, module):
    """1/K Σ_k of one path: u = zᵀ W c (predict) or cᵀ W z (retrodict)."""
    total = 0
    signs = drawn.get(f"module.{module}.{path}.sign")
    for k in range(1, STEPS + 1):
        target, context = z[k + SKIP :], c[: len(c) - k - SKIP]
        channels = target.shape[-1]
        negatives = drawn[f"module.{module}.{path}.{k}.negatives"]
        flat = target.reshape(-1, channels)
        if rule["negatives"]["kind"] == "random":
            others = flat[negatives]
        else:
            others = target[:, :, negatives].reshape(-1, 1, channels)
        weight = own[f"module.{module}.{path}.{k}"]
        weight = weight if path == "predict" else weight.T
        predicted = context.reshape(-1, context.shape[-1]) @ weight.T
        met = torch.cat([flat[:, None], others], 1)
        u = torch.einsum("rnc,rc->rn", met, predicted)
        places = target.shape[0] * target.shape[1]
        total = total + loss_of_pairs(u, rule, None if signs is None else signs.repeat(places))
    return total / STEPS


def case(name, rule, modules, seed):
    torch.manual_seed(seed)
    torch.set_default_dtype(torch.float64)
    rule = {"kind": "predictive", "prediction_steps": STEPS, "skip": SKIP, **rule}
    random = lambda *shape, bound=1.0: (torch.rand(*shape) * 2 - 1) * bound
    inputs = {"input": torch.randn(BATCH, 1, SIDE, SIDE)}
    own = {}
    for i, spec in enumerate(LAYERS):
        bound = (spec["in"] * spec["kernel"] ** 2) ** -0.5
        own[f"layer.{i}.weight"] = random(spec["out"], spec["in"], spec["kernel"], spec["kernel"], bound=2 * bound)
        own[f"layer.{i}.bias"] = random(spec["out"], bound=bound)
    grid = (SIDE - PATCH) // STRIDE + 1
    paths = ["predict", "retrodict"] if rule["transport"] == "retrodiction" else ["predict"]
    drawn = {}
    for m, module in enumerate(modules):
        channels = LAYERS[module[-1]]["out"]
        for path in paths:
            for k in range(1, STEPS + 1):
                own[f"module.{m}.{path}.{k}"] = random(channels, channels, bound=2.0)
                rows, count = (grid - k - SKIP) * grid * BATCH, rule["negatives"].get("count")
                of_rows = lambda: torch.randint(rows, (rows, count))
                of_inputs = lambda: (torch.arange(BATCH) + torch.randint(1, BATCH, (BATCH,))) % BATCH
                drawn[f"module.{m}.{path}.{k}.negatives"] = of_rows() if count else of_inputs()
            if rule["time_local"]:
                drawn[f"module.{m}.{path}.sign"] = torch.tensor([1, -1, 1, -1])[torch.randperm(BATCH)]
    # What the file holds is float32: the gradients are of these very values.
    for tensors in (inputs, own):
        tensors.update({key: value.float().double() for key, value in tensors.items()})
    own = {key: value.requires_grad_() for key, value in own.items()}

    x = patches(inputs["input"])
    time, location, batch = x.shape[:3]
    x, expect, total = x.reshape(-1, *x.shape[3:]), {}, 0
    for m, module in enumerate(modules):
        x = x.detach()
        for i in module:
            x = layer(x, LAYERS[i], own[f"layer.{i}.weight"], own[f"layer.{i}.bias"])
        z = x.mean((2, 3)).reshape(time, location, batch, -1)
        if rule["transport"] == "retrodiction":
            loss = path_loss("predict", z, z.detach(), rule, own, drawn, m)
            loss = loss + path_loss("retrodict", z.detach(), z, rule, own, drawn, m)
        else:
            loss = path_loss("predict", z, z, rule, own, drawn, m)
        expect[f"expect.module.{m}.representation"], expect[f"expect.module.{m}.loss"] = z, loss
        total = total + loss
    total.backward()
    expect.update({f"expect.{key}.grad": value.grad for key, value in own.items()})

    about = {"modality": "vision", "rule": rule, "patch": {"size": PATCH, "stride": STRIDE}, "channels": 1}
    about.update(layers=LAYERS, modules=modules)
    floats = {key: value.detach().float().contiguous() for key, value in {**inputs, **own, **expect}.items()}
    file = pathlib.Path(__file__).with_name(f"{name}.safetensors")
    save_file({**floats, **drawn}, file, {"case": json.dumps(about, sort_keys=True)})


if __name__ == "__main__":
    layerwise, whole = [[0], [1], [2]], [[0, 1, 2]]
    three, other = {"kind": "random", "count": 3}, {"kind": "other_sample"}
    hinge = {"contrast": "hinge", "time_local": False}
    case("clapp", {**hinge, "transport": "retrodiction", "negatives": other, "time_local": True}, layerwise, 1)
    case("clapp_s", {**hinge, "transport": "shared", "negatives": three}, layerwise, 2)
    case("gim", {**hinge, "contrast": "softmax", "transport": "shared", "negatives": three}, [[0, 1], [2]], 3)
    case("hinge_cpc", {**hinge, "transport": "shared", "negatives": other}, whole, 4)
